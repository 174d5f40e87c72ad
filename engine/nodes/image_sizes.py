"""Nodes that give pictures another size."""

import math
from typing import Annotated, Literal

import torch
from torch import Tensor

from engine.graph.kinds import Choice, FloatWidget, Image, ScaledPixels
from engine.graph.spec import node
from engine.nodes.image import ScaleMethod, scale
from engine.nodes.sides import Factor, Side

Megapixels = Annotated[float, FloatWidget(0.01, 16.0, step=0.01)]
# One name stands twice in ComfyUI's list too.
LargestSideMethod = Annotated[
    str, Choice(("area", "lanczos", "bilinear", "nearest-exact", "bilinear", "bicubic"))
]
PadMethod = Annotated[str, Choice(("area", "bicubic", "nearest-exact", "bilinear", "lanczos"))]

MEGAPIXEL = 1024 * 1024


@node("ImageScaleBy", category="image/upscaling", title="Upscale Image By")
def image_scale_by(*, image: Image, upscale_method: ScaleMethod, scale_by: Factor = 1.0) -> Image:
    """Scales pictures by a factor."""
    height, width = image.pixels.shape[1:3]
    return _scale(image, round(width * scale_by), round(height * scale_by), upscale_method)


@node("ImageScaleToTotalPixels", category="image/upscaling", title="Scale Image to Total Pixels")
def image_scale_to_total_pixels(
    *, image: Image, upscale_method: ScaleMethod, megapixels: Megapixels = 1.0
) -> Image:
    """Scales pictures to a number of pixels in their own aspect; a megapixel is 1024 × 1024."""
    height, width = image.pixels.shape[1:3]
    factor = math.sqrt(int(megapixels * MEGAPIXEL) / (width * height))
    return _scale(image, round(width * factor), round(height * factor), upscale_method)


@node("ImageScaleToMaxDimension", category="image/upscaling", title="ImageScaleToMaxDimension")
def image_scale_to_max_dimension(
    *, image: Image, upscale_method: LargestSideMethod, largest_size: ScaledPixels = 512
) -> Image:
    """Scales pictures so that their longer side is `largest_size`."""
    height, width = image.pixels.shape[1:3]
    longer = max(width, height)
    # Divided first: the rounding is then the one of ComfyUI.
    new_width = largest_size if width == longer else round(width / height * largest_size)
    new_height = largest_size if height == longer else round(height / width * largest_size)
    return _scale(image, new_width, new_height, upscale_method)


@node("ResizeAndPadImage", category="image/transform", title="ResizeAndPadImage")
def resize_and_pad_image(
    *,
    image: Image,
    target_width: Side = 512,
    target_height: Side = 512,
    padding_color: Literal["white", "black"],
    interpolation: PadMethod,
) -> Image:
    """Scales pictures into a rectangle in their own aspect and fills up what is left around them."""
    pixels = image.pixels.movedim(-1, 1)
    height, width = pixels.shape[-2:]
    factor = min(target_width / width, target_height / height)
    # Cut off and not rounded, so never larger than the rectangle.
    inner_width, inner_height = max(1, int(width * factor)), max(1, int(height * factor))
    scaled = scale(pixels, inner_width, inner_height, interpolation)
    left, top = (target_width - inner_width) // 2, (target_height - inner_height) // 2
    filled = _canvas(pixels, target_width, target_height, 1.0 if padding_color == "white" else 0.0)
    filled[..., top : top + inner_height, left : left + inner_width] = scaled
    return Image(filled.movedim(1, -1))


def _scale(image: Image, width: int, height: int, method: str) -> Image:
    return Image(scale(image.pixels.movedim(-1, 1), width, height, method).movedim(1, -1))


def _canvas(pixels: Tensor, width: int, height: int, value: float) -> Tensor:
    return torch.full((*pixels.shape[:2], height, width), value)
