"""Where in the picture, when on the way down and how strongly a condition counts."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.graph.kinds import Area

# An area's estimate fades out over so many cells towards each side inside the picture, at most over a quarter
# of the area.
FEATHER = 8


@dataclass(frozen=True, eq=False)
class Region:
    """mask: (B, H, W) of the whole latent.  A condition holds while sigma_end <= sigma <= sigma_start.

    is_rest: the condition fills what the others of its side leave.
    """

    strength: float = 1.0
    area: Area | None = None
    mask: Tensor | None = None
    sigma_start: float = math.inf
    sigma_end: float = 0.0
    is_rest: bool = False

    def holds_at(self, sigma: float) -> bool:
        """Whether the condition counts at that noise level."""
        return self.sigma_end <= sigma <= self.sigma_start

    def clip(self, x: Tensor) -> Area:
        """The part of the area that lies in x (B, C, H, W); all of x where there is none."""
        height, width = x.shape[-2:]
        area = self.area or Area(height, width, 0, 0)
        return Area(min(area.height, height - area.y), min(area.width, width - area.x), area.y, area.x)

    def weight(self, x: Tensor) -> Tensor:
        """How much the condition counts in each cell of its part of x: (B or 1, 1, h, w).

        A mask counts as it is; an area without one fades out towards its neighbours.
        """
        area = self.clip(x)
        if self.mask is not None:
            return cut(self.mask[: len(x), None], area) * self.strength
        if self.area is None:
            return x.new_full((1, 1, area.height, area.width), self.strength)
        rows = _fade(area.height, area.y, x.shape[-2])
        columns = _fade(area.width, area.x, x.shape[-1])
        return (torch.outer(rows, columns) * self.strength)[None, None].to(x)


EVERYWHERE = Region()


def cut(picture: Tensor, area: Area) -> Tensor:
    """A view of the area of a picture (..., H, W) -> (..., h, w)."""
    return picture[..., area.y : area.y + area.height, area.x : area.x + area.width]


def encloses(outer: Area, inner: Area) -> bool:
    """Whether all of `inner` lies in `outer`."""
    return (
        inner.y >= outer.y
        and inner.x >= outer.x
        and inner.y + inner.height <= outer.y + outer.height
        and inner.x + inner.width <= outer.x + outer.width
    )


def _fade(length: int, start: int, whole: int) -> Tensor:
    """(length,) rising from 1 / r over r cells at a beginning or end that is not the picture's own."""
    reach = min(FEATHER, length // 4)
    weights, steps = torch.ones(length), torch.arange(1, reach + 1) / max(reach, 1)
    if start != 0:
        weights[:reach] *= steps
    if start + length < whole:
        weights[length - reach :] *= steps.flip(0)
    return weights
