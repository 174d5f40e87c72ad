"""Scaling of pictures and latents, channels first; shared by the nodes that scale."""

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.errors import BadInput
from engine.graph.limits import MAX_BATCH_PIXELS, MAX_PICTURE_PIXELS

LATENT_METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "bislerp")

# Closer than this the angle between two vectors is lost in rounding.
_PARALLEL = 1 - 1e-5


def check_size(width_px: int, height_px: int, count: int) -> None:
    """Raises BadInput for pictures without pixels, and for such as would take the machine's memory."""
    if min(width_px, height_px) < 1:
        raise BadInput(f"{width_px} × {height_px} pixels are asked for; a picture has at least 1 × 1")
    if width_px * height_px > MAX_PICTURE_PIXELS:
        raise BadInput(
            f"{width_px} × {height_px} pixels are asked for; a picture has at most {MAX_PICTURE_PIXELS}"
        )
    if width_px * height_px * count > MAX_BATCH_PIXELS:
        raise BadInput(
            f"{count} pictures of {width_px} × {height_px} pixels are asked for;"
            f" a batch has at most {MAX_BATCH_PIXELS} pixels"
        )


def crop_to_aspect(samples: Tensor, width: int, height: int) -> Tensor:
    """The middle of (..., H, W) that has the aspect of `width` to `height`."""
    old_height, old_width = samples.shape[-2:]
    old_aspect, aspect = old_width / old_height, width / height
    x = round((old_width - old_width * (aspect / old_aspect)) / 2) if old_aspect > aspect else 0
    y = round((old_height - old_height * (old_aspect / aspect)) / 2) if old_aspect < aspect else 0
    return samples[..., y : old_height - y, x : old_width - x]


def resize(samples: Tensor, width: int, height: int, method: str) -> Tensor:
    """(B, C, H, W) -> (B, C, height, width); `method` is one of LATENT_METHODS."""
    if method == "bislerp":
        return bislerp(samples, width, height)
    return F.interpolate(samples, size=(height, width), mode=method)


def fit(samples: Tensor, like: Tensor, method: str) -> Tensor:
    """(B, C, H, W) cut to the aspect of `like` and scaled to its height and width, where they differ."""
    height, width = like.shape[-2:]
    if samples.shape[-2:] == like.shape[-2:]:
        return samples
    return resize(crop_to_aspect(samples, width, height), width, height, method)


def repeat_to(batch: Tensor, count: int) -> Tensor:
    """`count` entries: the batch over and over, cut off where it is full."""
    return batch if len(batch) == count else batch[torch.arange(count) % len(batch)]


def bislerp(samples: Tensor, width: int, height: int) -> Tensor:
    """Bilinear in position, spherical in the channels: directions turn and lengths blend, first along the
    width.

    A plain blend of two latents is shorter than both, which shows as grey.
    """
    wide = _slerp_along(samples.float(), 3, width)
    return _slerp_along(wide, 2, height).to(samples.dtype)


def _slerp_along(samples: Tensor, dim: int, size: int) -> Tensor:
    """(B, C, H, W) with axis `dim` brought to `size`."""
    old_size = samples.shape[dim]
    position = ((torch.arange(size) + 0.5) * (old_size / size) - 0.5).clamp(0, old_size - 1)
    low = position.long()
    high = (low + 1).clamp(max=old_size - 1)
    share = (position - low).reshape([-1 if axis == dim else 1 for axis in range(4)])
    return slerp(samples.index_select(dim, low), samples.index_select(dim, high), share)


def slerp(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """From `a` (share 0) to `b` (share 1), both (B, C, H, W), along the arc between their channel vectors."""
    a_length, b_length = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    a_unit, b_unit = _divide(a, a_length), _divide(b, b_length)
    cosine = (a_unit * b_unit).sum(dim=1, keepdim=True)
    angle = cosine.clamp(-1, 1).acos()
    turned = ((1 - share) * angle).sin() * a_unit + (share * angle).sin() * b_unit
    arc = turned / angle.sin() * (a_length * (1 - share) + b_length * share)
    arc = torch.where(cosine > _PARALLEL, a, arc)
    return torch.where(cosine < -_PARALLEL, a * (1 - share) + b * share, arc)


def _divide(vector: Tensor, length: Tensor) -> Tensor:
    return torch.where(length == 0, 0, vector / length)
