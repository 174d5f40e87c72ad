"""Laying one batch of pictures or latents onto another, channels first."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.nodes.resize import repeat_to


@dataclass(frozen=True)
class Paste:
    """Where the source goes, in elements from the top left, and how much of it shows.

    mask: (B', H, W), 1 = source, None for all of it.
    """

    left: int
    top: int
    mask: Tensor | None = None
    is_stretched: bool = False


def paste(destination: Tensor, source: Tensor, where: Paste) -> Tensor:
    """(B, C, H, W) with the source laid over it; what leaves the destination is cut off.

    `is_stretched` brings the source to the destination's size first. The mask covers the whole source.
    """
    height, width = destination.shape[-2:]
    if where.is_stretched:
        source = F.interpolate(source, size=(height, width), mode="bilinear")
    source = repeat_to(source, len(destination))
    cover = _cover(source, where.mask)
    rows, columns = (
        slice(where.top, where.top + source.shape[-2]),
        slice(where.left, where.left + source.shape[-1]),
    )
    under = destination[..., rows, columns]
    kept_height, kept_width = under.shape[-2:]
    cover, source = cover[..., :kept_height, :kept_width], source[..., :kept_height, :kept_width]
    result = destination.clone()
    result[..., rows, columns] = source * cover + under * (1 - cover)
    return result


def _cover(source: Tensor, mask: Tensor | None) -> Tensor:
    """The mask as (B, 1, h, w), in the source's size and number."""
    if mask is None:
        return torch.ones_like(source[:, :1])
    scaled = F.interpolate(mask.reshape(-1, 1, *mask.shape[-2:]), size=source.shape[-2:], mode="bilinear")
    return repeat_to(scaled, len(source))


def feathered(height: int, width: int, ramps: tuple[int, int, int, int]) -> Tensor:
    """(height, width) of ones that fall towards the edges within `ramps` rows: left, top, right, bottom.

    The outermost of n rows has 1 / n; in corners ramps multiply.
    """
    left, top, right, bottom = ramps
    columns = _ramp(width, left) * _ramp(width, right).flip(0)
    rows = _ramp(height, top) * _ramp(height, bottom).flip(0)
    return rows[:, None] * columns


def _ramp(size: int, length: int) -> Tensor:
    """(size,) that rises over its first `length` elements."""
    return ((torch.arange(size) + 1) / length).clamp(max=1) if length else torch.ones(size)
