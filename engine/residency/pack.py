"""Weights in the layout that a CPU computes with.

oneDNN reorders a layer's plain weights at every call: measured on two cores, SD 1.5 spends 40 % of a step at
256 px on it, and MKL's matrix product, which torch uses otherwise, reaches two thirds of oneDNN's speed on
AMD. Reordering once at load is what torch.compile does when it freezes a model; these are the operators it
uses for that.
"""

import torch
from torch import Tensor, nn

from engine.residency.device import computes_in_bfloat16

# Layouts depend on sizes only roughly; another size costs nothing, as oneDNN then chooses the same blocking.
_TYPICAL_SIDE = 32
_TYPICAL_TOKENS = 512

_NO_FUSION = ("none", [], "")


class PackedConv2d(nn.Module):
    """A convolution that keeps its weights reordered; computes what `nn.Conv2d` does."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.geometry = (list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups)
        self.size = [2, conv.in_channels, _TYPICAL_SIDE, _TYPICAL_SIDE]
        self.put_weight(conv.weight)
        self.bias: Tensor | None = conv.bias

    def put_weight(self, weight: Tensor) -> None:
        """Compute with this kernel (C', C, h, w) from now on."""
        plain = weight.detach().to_mkldnn()
        self.weight: Tensor = torch.ops.aten.mkldnn_reorder_conv2d_weight(plain, *self.geometry, self.size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        return torch.ops.mkldnn._convolution_pointwise(x, self.weight, self.bias, *self.geometry, *_NO_FUSION)


class PackedPointwise(nn.Module):
    """A 1 x 1 convolution as the product of its matrix with every pixel's channels.

    As a convolution it depends on the size after all: packed for large pictures, oneDNN takes forty times as
    long on those of 4 x 4 (measured in bfloat16).
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.put_weight(conv.weight)
        self.bias: Tensor | None = conv.bias

    def put_weight(self, weight: Tensor) -> None:
        """Compute with this kernel (C', C, 1, 1) from now on."""
        matrix = weight.detach().flatten(1)
        self.weight: Tensor = torch.ops.mkldnn._reorder_linear_weight(matrix, _TYPICAL_TOKENS)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H, W)."""
        pixels = x.movedim(1, -1)
        return torch.ops.mkldnn._linear_pointwise(pixels, self.weight, self.bias, *_NO_FUSION).movedim(-1, 1)


class PackedLinear(nn.Module):
    """A linear layer that keeps its weights reordered; computes what `nn.Linear` does."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.put_weight(linear.weight)
        self.bias: Tensor | None = linear.bias

    def put_weight(self, weight: Tensor) -> None:
        """Compute with this matrix (out, in) from now on."""
        self.weight: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _TYPICAL_TOKENS)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out)."""
        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, *_NO_FUSION)


def can_pack(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether this build of torch has oneDNN, and computes in that precision with it."""
    has_layouts = dtype == torch.float32 or (dtype == torch.bfloat16 and computes_in_bfloat16())
    return device.type == "cpu" and has_layouts and torch.backends.mkldnn.is_available()


def pack(module: nn.Module) -> None:
    """Put a packed layer in the place of every convolution and linear layer; their plain weights are given
    up.
    """
    for name, child in module.named_children():
        match child:
            case nn.Conv2d(kernel_size=(1, 1), stride=(1, 1), padding=(0, 0), groups=1):
                setattr(module, name, PackedPointwise(child))
            case nn.Conv2d():
                setattr(module, name, PackedConv2d(child))
            case nn.Linear():
                setattr(module, name, PackedLinear(child))
            case _:
                pack(child)
