"""T2I-Adapter (Mou et al. 2023, arXiv 2302.08453): a small network that reads a picture once and gives the
U-Net a feature map for each resolution.

In the released files' key names; diffusers' are read by `layout`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor, nn

from engine.models.family import PartLayout, Place
from engine.models.sd_unet import Residuals
from engine.weights.layout import Source
from engine.weights.shapes import Shapes, count_blocks

LEVELS = 4
# Pixels a side that become channels: SDXL's adapters begin at a sixteenth of the picture, the others at an
# eighth.
SMALL, LARGE = 8, 16
# Which levels halve the size, for each of the two.
_HALVING = {SMALL: (1, 2, 3), LARGE: (2,)}


@dataclass(frozen=True)
class T2IAdapterConfig:
    """`widths`: of the four levels.  `kernel`: of each block's second convolution."""

    channels: int
    factor: int
    widths: tuple[int, ...]
    blocks: int
    kernel: int = 1

    def build(self) -> "T2IAdapter":
        """The network, with whatever weights the current default device gives."""
        return T2IAdapter(self)


class Block(nn.Module):
    """Two convolutions and a skip, after a change of size and width where there is one."""

    def __init__(self, channels: int, width: int, kernel: int, *, is_halving: bool) -> None:
        super().__init__()
        self.is_halving = is_halving
        self.in_conv = nn.Identity() if channels == width else nn.Conv2d(channels, width, 1)
        self.block1 = nn.Conv2d(width, width, 3, padding=1)
        self.block2 = nn.Conv2d(width, width, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, width, H', W')."""
        x = F.avg_pool2d(x, 2, ceil_mode=True) if self.is_halving else x
        x = self.in_conv(x)
        return self.block2(F.relu(self.block1(x))) + x


class T2IAdapter(nn.Module):
    """A picture to four feature maps."""

    def __init__(self, config: T2IAdapterConfig) -> None:
        super().__init__()
        self.config = config
        self.conv_in = nn.Conv2d(config.channels * config.factor**2, config.widths[0], 3, padding=1)
        width = config.widths[0]
        self.body = nn.ModuleList()
        for level, level_width in enumerate(config.widths):
            for index in range(config.blocks):
                is_halving = index == 0 and level in _HALVING[config.factor]
                self.body.append(Block(width, level_width, config.kernel, is_halving=is_halving))
                width = level_width

    def forward(self, picture: Tensor) -> list[Tensor]:
        """(B, channels, H, W) -> a map (B, width, h, w) for each level; sides are multiples of `factor`."""
        x: Tensor = self.conv_in(F.pixel_unshuffle(picture, self.config.factor))
        maps: list[Tensor] = []
        for number, block in enumerate(self.body, start=1):
            x = block(x)
            if number % self.config.blocks == 0:
                maps.append(x)
        return maps


def residuals_of(maps: Sequence[Tensor], factor: int, residual_blocks: int) -> Residuals:
    """The maps where a U-Net with so many residual blocks a level takes them.

    Each is added to what its level gives before the next begins; the maps of SDXL's adapters, which start a
    level lower, to its first downsampling and to its middle as well.
    """
    per_level = residual_blocks + 1
    ends = [per_level * level - 1 for level in range(1, LEVELS + 1)]
    if factor == SMALL:
        return Residuals(dict(zip(ends, maps, strict=False)))
    first, second, third, last = maps
    return Residuals({per_level: first, ends[1]: second, ends[2]: third}, middle=last)


def config_from(shapes: Shapes) -> T2IAdapterConfig:
    """The configuration that the tensors show; `shapes` without any outer prefix."""
    inputs = shapes["conv_in.weight"][1]
    factor = LARGE if inputs % LARGE**2 == 0 else SMALL
    blocks = count_blocks(shapes, "body.") // LEVELS
    return T2IAdapterConfig(
        channels=inputs // factor**2,
        factor=factor,
        widths=tuple(shapes[f"body.{level * blocks}.block1.weight"][0] for level in range(LEVELS)),
        blocks=blocks,
        kernel=shapes["body.0.block2.weight"][2],
    )


def layout(shapes: Shapes) -> dict[str, Source]:
    """Sources for a `T2IAdapter` in diffusers' names: body.LEVEL.resnets.NUMBER."""
    blocks = count_blocks(shapes, "body.0.resnets.")
    return {_name_of(name, blocks): Source(name, shape) for name, shape in shapes.items()}


def _name_of(name: str, blocks: int) -> str:
    head, *rest = name.split(".")
    if head != "body":
        return name
    level, part, *inner = rest
    if part == "resnets":
        return f"body.{int(level) * blocks + int(inner[0])}.{'.'.join(inner[1:])}"
    return f"body.{int(level) * blocks}.{part}.{'.'.join(inner)}"


_FLAT, _NESTED = "body.0.block1.weight", "body.0.resnets.0.block1.weight"
PART = PartLayout(
    (
        Place("", _FLAT),
        Place("adapter.", _FLAT),
        Place("adapter.", _NESTED, layout),
        Place("", _NESTED, layout),
    ),
    config_from,
)
