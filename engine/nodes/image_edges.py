"""Edges of pictures (Canny 1986), as a picture that control networks are shown."""

import math
from typing import Annotated

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import FloatWidget, Image
from engine.graph.spec import node
from engine.nodes.image_color import brightness
from engine.nodes.window import maximum

Threshold = Annotated[float, FloatWidget(0.01, 0.99, step=0.01)]

# The blur before: 5 × 5, a deviation of one pixel.
_RADIUS = 2
# Keeps the square root's argument off zero.
_TINY = 1e-6
# Where the eight neighbours lie, counted from the right in steps of 45 degrees: rows, columns.
_NEIGHBOURS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))


@node("Canny", category="image/preprocessors", title="Canny")
def canny(*, image: Image, low_threshold: Threshold = 0.4, high_threshold: Threshold = 0.8) -> Image:
    """White edges on black: steeper than the high threshold, or than the low one and joined to such.

    The slope is Sobel's of the brightness in [0, 1] after a slight blur.
    """
    if low_threshold > high_threshold:
        raise BadInput(f"the low threshold {low_threshold} is above the high threshold {high_threshold}")
    slope = _thin(*_slope(_blur(brightness(image.pixels)[:, None])))
    edges = _join(slope > high_threshold, slope > low_threshold)
    return Image(edges[:, 0, ..., None].float().expand(-1, -1, -1, 3))


def _blur(x: Tensor) -> Tensor:
    """(B, 1, H, W), mirrored at the edges. Raises BadInput for pictures of a few pixels."""
    if min(x.shape[-2:]) <= _RADIUS:
        raise BadInput(f"a picture of {x.shape[-1]} × {x.shape[-2]} pixels is too small to have edges")
    curve = torch.exp(-(torch.arange(-_RADIUS, _RADIUS + 1.0) ** 2) / 2)
    kernel = torch.outer(curve, curve) / curve.sum() ** 2
    return F.conv2d(F.pad(x, (_RADIUS,) * 4, mode="reflect"), kernel[None, None])


def _slope(x: Tensor) -> tuple[Tensor, Tensor]:
    """Length and direction of the gradient; the direction in eighths of a turn from the right, downwards."""
    sobel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    kernels = torch.stack([sobel, sobel.T])[:, None]
    across, down = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernels).split(1, dim=1)
    length = (across**2 + down**2 + _TINY).sqrt()
    direction = (torch.atan2(down, across) / (math.pi / 4)).round().long() % 8
    return length, direction


def _thin(length: Tensor, direction: Tensor) -> Tensor:
    """The length where it is larger than at both neighbours along the gradient, otherwise 0."""
    height, width = length.shape[-2:]
    framed = F.pad(length, (1, 1, 1, 1))
    corners = [(1 + row, 1 + column) for row, column in _NEIGHBOURS]
    shifted = [framed[..., top : top + height, left : left + width] for top, left in corners]
    around = torch.cat(shifted, dim=1)  # (B, 8, H, W)
    ahead, behind = around.gather(1, direction), around.gather(1, (direction + 4) % 8)
    return length * ((length > ahead) & (length > behind))


def _join(strong: Tensor, weak: Tensor) -> Tensor:
    """The strong pixels, and those weak ones that a chain of weak neighbours joins to them."""
    reached = strong
    while True:
        grown = weak & maximum(reached.float(), 3).bool()
        if torch.equal(grown, reached):
            return reached
        reached = grown
