"""Colours of pictures: from numbers, and to brightness and colour difference and back."""

from typing import Annotated

import torch
from torch import Tensor

from engine.graph.kinds import Image, IntWidget, Tip
from engine.graph.spec import node

Color = Annotated[int, IntWidget(0, 0xFFFFFF, step=1), Tip("Red, green and blue in one number: 0xRRGGBB.")]

# ITU-R BT.601: brightness of red, green and blue.
LUMA = (0.299, 0.587, 0.114)
# How far blue and red less brightness are scaled to fill [0, 1] around 0.5, and the way back as it is
# usually rounded: red, green (of both), blue.
_CB, _CR = 0.564, 0.713
_RED, _GREEN_CR, _GREEN_CB, _BLUE = 1.403, 0.714, 0.344, 1.773
_MIDDLE = 0.5


@node("ImageRGBToYUV", category="image/batch", title="ImageRGBToYUV", output_names=("Y", "U", "V"))
def image_rgb_to_yuv(*, image: Image) -> tuple[Image, Image, Image]:
    """Brightness, blue less brightness and red less brightness, each as grey pictures."""
    red, blue, luma = image.pixels[..., 0], image.pixels[..., 2], brightness(image.pixels)
    planes = luma, (blue - luma) * _CB + _MIDDLE, (red - luma) * _CR + _MIDDLE
    y, u, v = (Image(plane[..., None].expand(-1, -1, -1, 3)) for plane in planes)
    return y, u, v


@node("ImageYUVToRGB", category="image/batch", title="ImageYUVToRGB")
def image_yuv_to_rgb(*, Y: Image, U: Image, V: Image) -> Image:  # noqa: N803 -- what prompts call them
    """Pictures of what Image RGB to YUV makes; of coloured planes the mean counts."""
    luma, cb, cr = (plane.pixels.mean(dim=-1) for plane in (Y, U, V))
    cb, cr = cb - _MIDDLE, cr - _MIDDLE
    green = luma - _GREEN_CR * cr - _GREEN_CB * cb
    return Image(torch.stack([luma + _RED * cr, green, luma + _BLUE * cb], dim=-1).clamp(0, 1))


def brightness(pixels: Tensor) -> Tensor:
    """(..., 3 or 4) -> (...)."""
    return pixels[..., :3] @ torch.tensor(LUMA)


def unpack(color: int) -> Tensor:
    """(3,) in [0, 1] of 0xRRGGBB."""
    return torch.tensor([color >> shift & 0xFF for shift in (16, 8, 0)]) / 255
