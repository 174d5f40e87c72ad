"""Nodes that cut, turn, widen and join pictures."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from torch import Tensor

from engine.graph.kinds import Image, IntWidget, Mask
from engine.graph.spec import node
from engine.nodes.image import scale
from engine.nodes.latent_transform import FlipMethod, Rotation, quarters_of
from engine.nodes.mask_compositing import with_channels
from engine.nodes.resize import check_size
from engine.nodes.sides import MAX_SIDE_PX, Offset, Side

Direction = Literal["right", "down", "left", "up"]
Border = Annotated[int, IntWidget(0, MAX_SIDE_PX, step=8)]
Spacing = Annotated[int, IntWidget(0, 1024, step=2)]
SpacingColor = Literal["white", "black", "red", "green", "blue"]

COLORS: Mapping[SpacingColor, tuple[float, float, float]] = {
    "white": (1, 1, 1),
    "black": (0, 0, 0),
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
}
GREY = 0.5


@node("ImageCrop", category="image/transform", title="Image Crop")
def image_crop(*, image: Image, width: Side = 512, height: Side = 512, x: Offset = 0, y: Offset = 0) -> Image:
    """Cuts a rectangle out; it starts inside the picture, and what would lie outside is left off."""
    rows, columns = image.pixels.shape[1:3]
    left, top = min(x, columns - 1), min(y, rows - 1)
    return Image(image.pixels[:, top : top + height, left : left + width])


@node("ImageRotate", category="image/transform", title="ImageRotate")
def image_rotate(*, image: Image, rotation: Rotation) -> Image:
    """Turns pictures clockwise."""
    return Image(torch.rot90(image.pixels, quarters_of(rotation), dims=(2, 1)))


@node("ImageFlip", category="image/transform", title="ImageFlip")
def image_flip(*, image: Image, flip_method: FlipMethod) -> Image:
    """Mirrors pictures: vertically swaps top and bottom, horizontally left and right."""
    return Image(image.pixels.flip(1 if flip_method == "x-axis: vertically" else 2))


@node("ImagePadForOutpaint", category="image", title="Pad Image for Outpainting")
def image_pad_for_outpaint(
    *,
    image: Image,
    left: Border = 0,
    top: Border = 0,
    right: Border = 0,
    bottom: Border = 0,
    feathering: Offset = 40,
) -> tuple[Image, Mask]:
    """Grey around pictures, and a mask of it that reaches into the picture over `feathering` pixels."""
    count, rows, columns, channels = image.pixels.shape
    height, width = rows + top + bottom, columns + left + right
    check_size(width, height, count)
    inside = slice(top, top + rows), slice(left, left + columns)
    padded = torch.full((count, height, width, channels), GREY)
    padded[:, *inside] = image.pixels
    mask = torch.ones(1, height, width)
    mask[:, *inside] = _fade((rows, columns), (left, top, right, bottom), feathering)
    return Image(padded), Mask(mask)


@node("ImageStitch", category="image/transform", title="Image Stitch")
def image_stitch(
    *,
    image1: Image,
    direction: Direction = "right",
    match_image_size: bool = True,
    spacing_width: Spacing = 0,
    spacing_color: SpacingColor = "white",
    image2: Image | None = None,
) -> Image:
    """Sets the second picture beside the first, scaled to its side or centred; alone the first stays."""
    if image2 is None:
        return image1
    first, second = _alike(image1.pixels, image2.pixels)
    # Of (B, H, W, C): along which they are joined, and the other.
    along, across = (2, 1) if direction in ("left", "right") else (1, 2)
    if match_image_size:
        second = _scale_to(second, first.shape[across], along, across)
    colour = with_channels(torch.tensor(COLORS[spacing_color]), first.shape[-1])
    side = max(first.shape[across], second.shape[across])
    parts = [_centre(part, side, across, colour) for part in (first, second)]
    if spacing_width:
        shape = list(parts[0].shape)
        shape[along] = spacing_width + spacing_width % 2
        parts.insert(1, colour.expand(shape))
    if direction in ("left", "up"):
        parts.reverse()
    total = sum(part.shape[along] for part in parts)
    check_size(total, side, len(first))
    return Image(torch.cat(parts, dim=along))


def _fade(size: tuple[int, int], borders: tuple[int, int, int, int], width: int) -> Tensor:
    """(H, W): 1 at edges with a border beyond them, falling with the square to 0 in a distance of `width`.

    Zeros if that would leave no middle. Rows from below and columns from the right count from 1.
    """
    rows, columns = size
    if width == 0 or 2 * width >= min(rows, columns):
        return torch.zeros(rows, columns)
    left, top, right, bottom = borders
    across = _distance(columns, has_first=left > 0, has_last=right > 0)
    down = _distance(rows, has_first=top > 0, has_last=bottom > 0)
    nearest = torch.minimum(down[:, None], across)
    return ((width - nearest) / width).clamp(min=0) ** 2


def _distance(size: int, *, has_first: bool, has_last: bool) -> Tensor:
    """(size,): how far the nearer of the edges that count is, `size` if none does."""
    place = torch.arange(size)
    far = torch.full((size,), size)
    return torch.minimum(place if has_first else far, size - place if has_last else far)


def _alike(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the same channels (alpha that one lacks is 1) and number: the last picture is repeated."""
    channels, count = max(first.shape[-1], second.shape[-1]), max(len(first), len(second))
    places = torch.arange(count)
    one, other = (
        with_channels(pixels, channels)[places.clamp(max=len(pixels) - 1)] for pixels in (first, second)
    )
    return one, other


def _scale_to(pixels: Tensor, side: int, along: int, across: int) -> Tensor:
    """Scaled so that axis `across` has that size, in the same aspect, cut off and not rounded."""
    other = max(1, int(side * pixels.shape[along] / pixels.shape[across]))
    width, height = (other, side) if along == 2 else (side, other)
    return scale(pixels.movedim(-1, 1), width, height, "lanczos").movedim(1, -1)


def _centre(pixels: Tensor, size: int, axis: int, colour: Tensor) -> Tensor:
    """Filled up with the colour on both sides of an axis."""
    missing = size - pixels.shape[axis]
    before, after = list(pixels.shape), list(pixels.shape)
    before[axis], after[axis] = missing // 2, missing - missing // 2
    return torch.cat([colour.expand(before), pixels, colour.expand(after)], dim=axis) if missing else pixels
