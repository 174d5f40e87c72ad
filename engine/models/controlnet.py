"""ControlNet (Zhang et al. 2023, arXiv 2302.05543): a copy of a U-Net's way down that reads a picture of
edges, depth or poses, and tells the U-Net what to add to its inner values.

In the released files' key names; diffusers' are read by `layout`.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from engine.models.diffusers_layout import unet_layout
from engine.models.family import PartLayout, Place
from engine.models.sd_unet import DownHalf, Residuals, SdUNetConfig, half_config_from
from engine.weights.layout import Source
from engine.weights.shapes import Shapes, count_blocks

# Of the convolutions that bring the picture to the latent's size, from cldm.py of the release: no tensor
# shows a stride.
HINT_STRIDES = (1, 1, 2, 1, 2, 1, 2, 1)
_HINT, _HINT_IN_DIFFUSERS = "input_hint_block.", "controlnet_cond_embedding."


@dataclass(frozen=True)
class ControlNetConfig:
    """`hint_widths`: channels of the picture, then after each of its convolutions. `half`: of the copy."""

    hint_widths: tuple[int, ...]
    half: SdUNetConfig

    def build(self) -> "ControlNet":
        """The network, with whatever weights the current default device gives."""
        return ControlNet(self)


class ControlNet(DownHalf):
    """Residuals for a U-Net, from what it is given and a picture."""

    def __init__(self, config: ControlNetConfig) -> None:
        super().__init__(config.half)
        layers: list[nn.Module] = []
        for (channels, width), stride in zip(pairwise(config.hint_widths), HINT_STRIDES, strict=True):
            layers += [nn.Conv2d(channels, width, 3, stride=stride, padding=1), nn.SiLU()]
        self.input_hint_block = nn.Sequential(*layers[:-1])
        self.zero_convs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, channels, 1)) for channels in self.skip_channels
        )
        deepest = config.half.levels[-1].channels
        self.middle_block_out = nn.Sequential(nn.Conv2d(deepest, deepest, 1))

    def forward(
        self, x: Tensor, hint: Tensor, timestep: Tensor, context: Tensor, vector: Tensor | None = None
    ) -> Residuals:
        """(B, in_channels, H, W), (B or 1, hint channels, 8 H, 8 W), and the rest as the U-Net takes it."""
        time = self.embed_time(timestep, vector, x.dtype)
        guide: Tensor = self.input_hint_block(hint.contiguous(memory_format=torch.channels_last))
        x = x.contiguous(memory_format=torch.channels_last)
        skips: list[Tensor] = []
        for number, (stage, zero) in enumerate(zip(self.input_blocks, self.zero_convs, strict=True)):
            x = stage(x, time, context, x.shape[2:])
            x = x + guide if number == 0 else x
            skips.append(zero(x))
        x = self.middle_block(x, time, context, x.shape[2:])
        return Residuals({}, skips, self.middle_block_out(x))


def config_from(shapes: Shapes) -> ControlNetConfig:
    """The configuration that the tensors show; `shapes` without any outer prefix."""
    names = [f"{_HINT}{2 * number}.weight" for number in range(len(HINT_STRIDES))]
    widths = (shapes[names[0]][1], *(shapes[name][0] for name in names))
    return ControlNetConfig(widths, half_config_from(shapes))


def layout(shapes: Shapes) -> dict[str, Source]:
    """Sources for a `ControlNet` in diffusers' names; what has no place in it keeps its name."""
    half = {name: shape for name, shape in shapes.items() if not name.startswith("controlnet_")}
    last = count_blocks(shapes, f"{_HINT_IN_DIFFUSERS}blocks.") + 1
    sources = unet_layout(half)
    for name, shape in shapes.items():
        if name not in half:
            sources[_name_of(name, last)] = Source(name, shape)
    return sources


def _name_of(name: str, last: int) -> str:
    """`last`: the number of the picture's last convolution."""
    head, *rest = name.split(".")
    if head == "controlnet_mid_block":
        return f"middle_block_out.0.{rest[0]}"
    if head == "controlnet_down_blocks":
        return f"zero_convs.{rest[0]}.0.{rest[1]}"
    numbers = {"conv_in": 0, "conv_out": last}
    stem = rest[0] if rest[0] in numbers else rest[1]
    number = numbers[stem] if stem in numbers else int(stem) + 1
    return f"{_HINT}{2 * number}.{rest[-1]}"


PART = PartLayout(
    (
        Place("control_model.", f"{_HINT}0.weight"),
        Place("", f"{_HINT}0.weight"),
        Place("", f"{_HINT_IN_DIFFUSERS}conv_in.weight", layout),
    ),
    config_from,
)
