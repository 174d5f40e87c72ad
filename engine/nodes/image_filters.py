"""Nodes that change the pixels of pictures: noise, blending, blurring, sharpening, morphology."""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import torch
from torch import Tensor

from engine.graph.kinds import Choice, Denoise, FloatWidget, Image, IntWidget, Seed
from engine.graph.spec import node
from engine.nodes.kernels import convolve, gaussian, sharpening
from engine.nodes.mask_compositing import with_channels
from engine.nodes.resize import fit, repeat_to
from engine.nodes.window import maximum, minimum

Radius = Annotated[int, IntWidget(1, 31, step=1)]
Share = Annotated[float, FloatWidget(0.0, 1.0, step=0.01)]


def _soft_light(below: Tensor, above: Tensor) -> Tensor:
    """As W3C's compositing level 1 defines it."""
    bright = torch.where(below <= 0.25, ((16 * below - 12) * below + 4) * below, below.clamp(min=0).sqrt())
    darker = below - (1 - 2 * above) * below * (1 - below)
    return torch.where(above <= 0.5, darker, below + (2 * above - 1) * (bright - below))


def _overlay(below: Tensor, above: Tensor) -> Tensor:
    return torch.where(below <= 0.5, 2 * below * above, 1 - 2 * (1 - below) * (1 - above))


BLENDS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "normal": lambda _below, above: above,
    "multiply": lambda below, above: below * above,
    "screen": lambda below, above: 1 - (1 - below) * (1 - above),
    "overlay": _overlay,
    "soft_light": _soft_light,
    "difference": lambda below, above: below - above,
}


@node("ImageInvert", category="image", title="Invert Image")
def image_invert(*, image: Image) -> Image:
    """1 - picture."""
    return Image(1 - image.pixels)


@node("ImageAddNoise", category="image", title="ImageAddNoise")
def image_add_noise(*, image: Image, seed: Seed = 0, strength: Denoise = 0.5) -> Image:
    """Adds Gaussian noise of that deviation."""
    source = torch.Generator(device="cpu").manual_seed(seed)
    noise = torch.randn(image.pixels.shape, generator=source)
    return Image((image.pixels + strength * noise).clamp(0, 1))


@node("ImageBlend", category="image/postprocessing", title="Image Blend")
def image_blend(
    *,
    image1: Image,
    image2: Image,
    blend_factor: Share = 0.5,
    blend_mode: Annotated[str, Choice(tuple(BLENDS))],
) -> Image:
    """Blends the second picture, brought to the first's size, onto it; difference is first less second."""
    below = image1.pixels
    above = with_channels(image2.pixels, below.shape[-1]).movedim(-1, 1)
    above = repeat_to(fit(above, below.movedim(-1, 1), "bicubic").movedim(1, -1), len(below))
    blended = BLENDS[blend_mode](below, above)
    return Image((below * (1 - blend_factor) + blended * blend_factor).clamp(0, 1))


@node("ImageBlur", category="image/postprocessing", title="Image Blur")
def image_blur(
    *,
    image: Image,
    blur_radius: Radius = 1,
    sigma: Annotated[float, FloatWidget(0.1, 10.0, step=0.1)] = 1.0,
) -> Image:
    """Blurs pictures with a Gaussian; sigma is in units of the radius."""
    return Image(_convolve(image.pixels, gaussian(blur_radius, sigma)))


@node("ImageSharpen", category="image/postprocessing", title="Image Sharpen")
def image_sharpen(
    *,
    image: Image,
    sharpen_radius: Radius = 1,
    sigma: Annotated[float, FloatWidget(0.1, 10.0, step=0.01)] = 1.0,
    alpha: Annotated[float, FloatWidget(0.0, 5.0, step=0.01)] = 1.0,
) -> Image:
    """Sharpens pictures with an unsharp mask; sigma is in units of the radius."""
    return Image(_convolve(image.pixels, sharpening(sharpen_radius, sigma, alpha)).clamp(0, 1))


@node("Morphology", category="image/postprocessing", title="ImageMorphology")
def morphology(
    *,
    image: Image,
    operation: Literal["erode", "dilate", "open", "close", "gradient", "bottom_hat", "top_hat"],
    kernel_size: Annotated[int, IntWidget(3, 999, step=1)] = 3,
) -> Image:
    """Grey morphology with a square of that side, each channel by itself."""
    pixels = image.pixels.movedim(-1, 1)

    def open_() -> Tensor:
        return maximum(minimum(pixels, kernel_size), kernel_size)

    def close() -> Tensor:
        return minimum(maximum(pixels, kernel_size), kernel_size)

    match operation:
        case "erode":
            result = minimum(pixels, kernel_size)
        case "dilate":
            result = maximum(pixels, kernel_size)
        case "open":
            result = open_()
        case "close":
            result = close()
        case "gradient":
            result = maximum(pixels, kernel_size) - minimum(pixels, kernel_size)
        case "bottom_hat":
            result = close() - pixels
        case "top_hat":
            result = pixels - open_()
    return Image(result.movedim(1, -1))


def _convolve(pixels: Tensor, kernel: Tensor) -> Tensor:
    return convolve(pixels.movedim(-1, 1), kernel).movedim(1, -1)
