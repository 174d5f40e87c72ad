"""ESRGAN's generator (Wang et al. 2018, arXiv 1809.00219): residual blocks of dense blocks of convolutions,
then enlargement by nearest neighbours. In the names of its first and second release and of Real-ESRGAN (Wang
et al. 2021, arXiv 2107.10833), whose networks for smaller scales fold pixels into channels first.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor, nn

from engine.models.family import PartLayout, Place
from engine.weights.layout import Layout, Source, as_is
from engine.weights.shapes import Shapes, count_blocks

SLOPE = 0.2
# Of what a block adds (section 3.1 of the paper).
RESIDUAL_SHARE = 0.2
CONVOLUTIONS, DENSE_BLOCKS = 5, 3


@dataclass(frozen=True)
class RrdbConfig:
    """All hyper-parameters. channels: of a picture.  fold: pixels along a side that become one with more
    channels.  doublings: how often the sides are doubled then.
    """

    channels: int
    width: int
    growth: int
    blocks: int
    doublings: int
    fold: int = 1

    @property
    def scale(self) -> int:
        """How much larger pictures become."""
        return 2**self.doublings // self.fold

    def build(self) -> "RrdbNet":
        """The network, with whatever weights the current default device gives."""
        return RrdbNet(self)


class DenseBlock(nn.Module):
    """Each convolution sees what all before it gave."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for number in range(1, CONVOLUTIONS + 1):
            given = width if number == CONVOLUTIONS else growth
            conv = nn.Conv2d(width + (number - 1) * growth, given, 3, padding=1)
            self.add_module(f"conv{number}", conv)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) -> (B, width, H, W)."""
        seen = x
        *inner, last = self.children()
        for conv in inner:
            seen = torch.cat([seen, F.leaky_relu(conv(seen), SLOPE, inplace=True)], dim=1)
        return last(seen) * RESIDUAL_SHARE + x


class Rrdb(nn.Module):
    """A residual block of dense blocks."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for number in range(1, DENSE_BLOCKS + 1):
            self.add_module(f"rdb{number}", DenseBlock(width, growth))

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) -> (B, width, H, W)."""
        inner = x
        for block in self.children():
            inner = block(inner)
        return inner * RESIDUAL_SHARE + x


class RrdbNet(nn.Module):
    """Pictures in [0, 1] to larger ones, with Real-ESRGAN's names."""

    def __init__(self, config: RrdbConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.conv_first = nn.Conv2d(config.channels * config.fold**2, width, 3, padding=1)
        self.body = nn.Sequential(*(Rrdb(width, config.growth) for _ in range(config.blocks)))
        self.conv_body = nn.Conv2d(width, width, 3, padding=1)
        for number in range(1, config.doublings + 1):
            self.add_module(f"conv_up{number}", nn.Conv2d(width, width, 3, padding=1))
        self.conv_hr = nn.Conv2d(width, width, 3, padding=1)
        self.conv_last = nn.Conv2d(width, config.channels, 3, padding=1)

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, C, H, W), sides multiples of `fold` -> (B, C, scale * H, scale * W), not clamped."""
        folded = F.pixel_unshuffle(pixels, self.config.fold)
        features = self.conv_first(folded)
        features = features + self.conv_body(self.body(features))
        for number in range(1, self.config.doublings + 1):
            larger = F.interpolate(features, scale_factor=2.0)
            features = F.leaky_relu(self.get_submodule(f"conv_up{number}")(larger), SLOPE, inplace=True)
        return self.conv_last(F.leaky_relu(self.conv_hr(features), SLOPE, inplace=True))


def config_from(shapes: Shapes) -> RrdbConfig:
    """The configuration that tensors show, in the module's names. Raises KeyError, ValueError."""
    width, given = shapes["conv_first.weight"][:2]
    channels = shapes["conv_last.weight"][0]
    fold = math.isqrt(given // channels)
    if given != channels * fold**2:
        raise ValueError(f"conv_first.weight: {given} channels for pictures of {channels}")
    return RrdbConfig(
        channels=channels,
        width=width,
        growth=shapes["body.0.rdb1.conv1.weight"][0],
        blocks=count_blocks(shapes, "body."),
        doublings=sum(name.startswith("conv_up") and name.endswith(".weight") for name in shapes),
        fold=fold,
    )


def second_layout(shapes: Shapes) -> Mapping[str, Source]:
    """The names of ESRGAN's second release."""
    names = {"RRDB_trunk.": "body.", "trunk_conv.": "conv_body.", "HRconv.": "conv_hr.", "upconv": "conv_up"}

    def ours(name: str) -> str:
        start = next((start for start in names if name.startswith(start)), "")
        return names.get(start, "") + name.removeprefix(start).replace(".RDB", ".rdb")

    return {ours(name): Source(name, shape) for name, shape in shapes.items()}


_FIRST_BLOCK = re.compile(r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.(\w+)")
_FIRST_END = re.compile(r"model\.(\d+)\.weight")
_FIRST_TRUNK = re.compile(r"model\.1\.sub\.(\d+)\.(weight|bias)")


def first_layout(shapes: Shapes) -> Mapping[str, Source]:
    """The numbers of ESRGAN's first release: the stem, the trunk, a convolution each time that pictures are
    enlarged, and two more.
    """
    numbers = sorted(int(found[1]) for name in shapes if (found := _FIRST_END.fullmatch(name)))
    stem, *doublings, hidden, last = numbers
    ends = {stem: "conv_first", hidden: "conv_hr", last: "conv_last"}
    ends |= {number: f"conv_up{place + 1}" for place, number in enumerate(doublings)}

    def ours(name: str) -> str:
        if found := _FIRST_BLOCK.fullmatch(name):
            return "body.{}.rdb{}.conv{}.{}".format(*found.groups())
        if found := _FIRST_TRUNK.fullmatch(name):
            return f"conv_body.{found[2]}"
        _, number, *rest = name.split(".")
        return ".".join([ends.get(int(number), number), *rest])

    return {ours(name): Source(name, shape) for name, shape in shapes.items()}


_LAYOUTS: tuple[tuple[str, Layout], ...] = (
    ("body.0.rdb1.conv1.weight", as_is),
    ("RRDB_trunk.0.RDB1.conv1.weight", second_layout),
    ("model.1.sub.0.RDB1.conv1.0.weight", first_layout),
)
# Training scripts save the averaged weights under a name of their own.
PREFIXES = ("", "params_ema.", "params.")
PART = PartLayout(
    tuple(Place(prefix, marker, layout) for prefix in PREFIXES for marker, layout in _LAYOUTS), config_from
)
