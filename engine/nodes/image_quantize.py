"""Few colours: a palette fitted to the picture, and dithering in between."""

from typing import Annotated, Literal

import numpy
import torch
from PIL import Image as Pillow
from torch import Tensor

from engine.graph.kinds import Image, IntWidget
from engine.graph.spec import node
from engine.nodes.pictures import to_bytes

# The cell that Bayer's matrices are built from: the order in which a square's pixels light up.
_CELL = torch.tensor([[0, 2], [3, 1]])
_LEVELS = 256


@node("ImageQuantize", category="image/postprocessing", title="ImageQuantize")
def image_quantize(
    *,
    image: Image,
    colors: Annotated[int, IntWidget(1, 256, step=1)] = 256,
    dither: Literal["none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"],
) -> Image:
    """Brings each picture to a palette of its own, found by median cut."""
    pictures = to_bytes(image.pixels[..., :3])
    return Image(torch.stack([_quantize(picture, colors, dither) for picture in pictures]))


def _quantize(picture: Tensor, colors: int, dither: str) -> Tensor:
    """(H, W, 3) bytes -> (H, W, 3) in [0, 1]."""
    palette = Pillow.fromarray(picture.numpy()).quantize(colors)
    if dither.startswith("bayer-"):
        picture = _spread(picture, int(dither.removeprefix("bayer-")), 2 * _LEVELS / colors)
    method = Pillow.Dither.FLOYDSTEINBERG if dither == "floyd-steinberg" else Pillow.Dither.NONE
    # A palette is only kept to by quantizing again with it: the first result is not dithered.
    quantized = Pillow.fromarray(picture.numpy()).quantize(colors, palette=palette, dither=method)
    return torch.from_numpy(numpy.asarray(quantized.convert("RGB")).astype(numpy.float32) / 255)


def _spread(picture: Tensor, order: int, spread: float) -> Tensor:
    """The bytes plus a threshold a pixel, between -spread / 2 and spread / 2."""
    height, width = picture.shape[:2]
    rows, columns = torch.arange(height) % order, torch.arange(width) % order
    thresholds = bayer(order)[rows[:, None], columns] * spread + 0.5
    return (picture + thresholds[..., None]).clamp(0, _LEVELS - 1).to(torch.uint8)


def bayer(order: int) -> Tensor:
    """(order, order), a power of two: Bayer's matrix (1973) scaled into [-0.5, 0.5], its mean 0."""
    matrix = torch.zeros(1, 1, dtype=torch.long)
    while len(matrix) < order:
        matrix = 4 * matrix.repeat(2, 2) + torch.kron(_CELL, torch.ones_like(matrix))
    return (matrix - (order**2 - 1) / 2) / order**2
