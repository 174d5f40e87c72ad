"""Weights in the layout that a CPU computes with.

oneDNN reorders a layer's plain weights at every call: measured on two cores, SD 1.5 spends 40 % of a step at
256 px on it, and MKL's matrix product, which torch uses otherwise, reaches two thirds of oneDNN's speed on
AMD. Reordering once at load is what torch.compile does when it freezes a model; these are the operators it
uses for that.
"""

import torch
from torch import Tensor, nn

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
    """Whether this build of torch has oneDNN, and the module will run there in float32."""
    return device.type == "cpu" and dtype == torch.float32 and torch.backends.mkldnn.is_available()


def pack(module: nn.Module) -> None:
    """Put a packed layer in the place of every convolution and linear layer; their plain weights are given
    up.
    """
    for name, child in module.named_children():
        match child:
            case nn.Conv2d():
                setattr(module, name, PackedConv2d(child))
            case nn.Linear():
                setattr(module, name, PackedLinear(child))
            case _:
                pack(child)
