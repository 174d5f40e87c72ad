"""The light form of T2I-Adapters (Mou et al. 2023, arXiv 2302.08453), released for colours: narrow blocks
between two 1 × 1 convolutions at each resolution.

In the released file's key names; diffusers' are read by `layout`.
"""

from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor, nn

from engine.models.family import PartLayout, Place
from engine.models.t2i_adapter import SMALL
from engine.weights.layout import Source
from engine.weights.shapes import Shapes, count_blocks

# How much narrower a level is inside.
NARROWING = 4


@dataclass(frozen=True)
class LightAdapterConfig:
    """`widths`: of the levels' maps.  `blocks`: in each level."""

    channels: int
    widths: tuple[int, ...]
    blocks: int

    @property
    def factor(self) -> int:
        """Pixels a side that become channels."""
        return SMALL

    def build(self) -> "LightAdapter":
        """The network, with whatever weights the current default device gives."""
        return LightAdapter(self)


class Block(nn.Module):
    """Two convolutions and a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block1 = nn.Conv2d(width, width, 3, padding=1)
        self.block2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return self.block2(F.relu(self.block1(x))) + x


class Level(nn.Module):
    """Blocks at one resolution."""

    def __init__(self, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        inner = width // NARROWING
        self.in_conv = nn.Conv2d(channels, inner, 1)
        self.body = nn.Sequential(*(Block(inner) for _ in range(blocks)))
        self.out_conv = nn.Conv2d(inner, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, width, H, W)."""
        return self.out_conv(self.body(self.in_conv(x)))


class LightAdapter(nn.Module):
    """A picture to a feature map for each level."""

    def __init__(self, config: LightAdapterConfig) -> None:
        super().__init__()
        self.config = config
        ends = (config.channels * config.factor**2, *config.widths)
        pairs = zip(ends, config.widths, strict=False)
        self.body = nn.ModuleList(Level(channels, width, config.blocks) for channels, width in pairs)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """(B, channels, H, W) -> a map (B, width, h, w) for each level; sides are multiples of `factor`."""
        x = F.pixel_unshuffle(picture, self.config.factor)
        maps: list[Tensor] = []
        for level in self.body:
            x = level(F.avg_pool2d(x, 2, ceil_mode=True) if maps else x)
            maps.append(x)
        return maps


def config_from(shapes: Shapes) -> LightAdapterConfig:
    """The configuration that the tensors show; `shapes` without any outer prefix."""
    levels = count_blocks(shapes, "body.")
    return LightAdapterConfig(
        channels=shapes["body.0.in_conv.weight"][1] // SMALL**2,
        widths=tuple(shapes[f"body.{level}.out_conv.weight"][0] for level in range(levels)),
        blocks=count_blocks(shapes, "body.0.body."),
    )


def layout(shapes: Shapes) -> dict[str, Source]:
    """Sources for a `LightAdapter` in diffusers' names: body.LEVEL.resnets.NUMBER."""
    return {name.replace(".resnets.", ".body."): Source(name, shape) for name, shape in shapes.items()}


PART = PartLayout(
    (
        Place("", "body.0.body.0.block1.weight"),
        Place("adapter.", "body.0.out_conv.weight", layout),
        Place("", "body.0.out_conv.weight", layout),
    ),
    config_from,
)
