"""Real-ESRGAN's compact network (Wang et al. 2021, github.com/xinntao/Real-ESRGAN): convolutions at the
picture's own size, whose last one gives all pixels of a larger picture, added to nearest neighbours.
"""

import math
from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor, nn

from engine.models.family import PartLayout, Place
from engine.models.rrdb import PREFIXES
from engine.weights.shapes import Shapes


@dataclass(frozen=True)
class SrvggConfig:
    """All hyper-parameters. channels: of a picture.  convolutions: between the first and the last."""

    channels: int
    width: int
    convolutions: int
    scale: int

    @property
    def fold(self) -> int:
        """Pixels along a side that sides must be multiples of."""
        return 1

    def build(self) -> "Srvgg":
        """The network, with whatever weights the current default device gives."""
        return Srvgg(self)


class Srvgg(nn.Module):
    """Pictures in [0, 1] to larger ones."""

    def __init__(self, config: SrvggConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        for number in range(config.convolutions + 1):
            given = config.channels if number == 0 else config.width
            layers += [nn.Conv2d(given, config.width, 3, padding=1), nn.PReLU(config.width)]
        self.body = nn.Sequential(
            *layers, nn.Conv2d(config.width, config.channels * config.scale**2, 3, padding=1)
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, scale * H, scale * W), not clamped."""
        scale = self.config.scale
        return F.pixel_shuffle(self.body(pixels), scale) + F.interpolate(pixels, scale_factor=float(scale))


def config_from(shapes: Shapes) -> SrvggConfig:
    """The configuration that a network's tensors show. Raises KeyError, ValueError."""
    width, channels = shapes["body.0.weight"][:2]
    last = max(int(name.split(".")[1]) for name in shapes)
    given = shapes[f"body.{last}.weight"][0]
    scale = math.isqrt(given // channels)
    if given != channels * scale**2:
        raise ValueError(f"body.{last}.weight: {given} channels for pictures of {channels}")
    return SrvggConfig(channels, width, last // 2 - 1, scale)


PART = PartLayout(tuple(Place(prefix, "body.0.weight") for prefix in PREFIXES), config_from)
