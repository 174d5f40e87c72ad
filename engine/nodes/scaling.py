"""Resizing of pictures: the rules for sides and crops that people's workflows count on."""

import numpy
import torch
from PIL import Image as Pillow
from torch import Tensor
from torch.nn.functional import interpolate

from engine.nodes.pictures import to_bytes


def complete_size(width: int, height: int, like: Tensor) -> tuple[int, int]:
    """(width, height) where a 0 follows from the other side and the aspect of `like`, (B, C, H, W)."""
    old_height, old_width = like.shape[-2:]
    if width == 0 and height == 0:
        return old_width, old_height
    if width == 0:
        return max(1, round(old_width * height / old_height)), height
    if height == 0:
        return width, max(1, round(old_height * width / old_width))
    return width, height


def crop_to_aspect(x: Tensor, width: int, height: int) -> Tensor:
    """The middle of x, (B, C, H, W), in the aspect of width : height; both sides lose alike."""
    old_height, old_width = x.shape[-2:]
    old_aspect, new_aspect = old_width / old_height, width / height
    left = top = 0
    if old_aspect > new_aspect:
        left = round((old_width - old_width * (new_aspect / old_aspect)) / 2)
    elif old_aspect < new_aspect:
        top = round((old_height - old_height * (old_aspect / new_aspect)) / 2)
    return x[..., top : old_height - top, left : old_width - left]


def resize_lanczos(x: Tensor, width: int, height: int) -> Tensor:
    """(B, 3 or 4, H, W) in [0, 1] -> (B, …, height, width), through 8 bits a channel as ComfyUI does."""
    return torch.stack([_resize_lanczos_one(picture, width, height) for picture in x])


def _resize_lanczos_one(x: Tensor, width: int, height: int) -> Tensor:
    picture = Pillow.fromarray(to_bytes(x.movedim(0, -1)).numpy())
    resized = numpy.asarray(picture.resize((width, height), Pillow.Resampling.LANCZOS))
    return torch.from_numpy(resized.astype(numpy.float32) / 255.0).movedim(-1, 0).to(x.device)


def resize(x: Tensor, width: int, height: int, method: str, crop: str) -> Tensor:
    """(B, C, H, W) -> (B, C, height, width). `method` is lanczos or a mode of `interpolate`."""
    if crop == "center":
        x = crop_to_aspect(x, width, height)
    if method == "lanczos":
        return resize_lanczos(x, width, height)
    return interpolate(x, size=(height, width), mode=method)
