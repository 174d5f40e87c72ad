"""Nodes that make, change and show masks: (B, H, W), 1 = repaint."""

from typing import Annotated, Literal

import torch
from torch import Tensor

from engine.errors import BadInput
from engine.graph.context import Context
from engine.graph.kinds import FloatWidget, Image, InputChoice, IntWidget, Mask, Tip
from engine.graph.spec import node
from engine.nodes.image import preview_image
from engine.nodes.image_color import Color, unpack
from engine.nodes.pasting import feathered
from engine.nodes.pictures import decode_picture
from engine.nodes.resize import check_size, repeat_to
from engine.nodes.sides import MAX_SIDE_PX, Offset, Side
from engine.nodes.window import maximum, minimum

Share = Annotated[float, FloatWidget(0.0, 1.0, step=0.01)]
Growth = Annotated[int, IntWidget(-MAX_SIDE_PX, MAX_SIDE_PX, step=1), Tip("Below 0 the mask shrinks.")]
Operation = Literal["multiply", "add", "subtract", "and", "or", "xor"]

CHANNELS = ("red", "green", "blue", "alpha")


@node("MaskToImage", category="mask", title="Convert Mask to Image")
def mask_to_image(*, mask: Mask) -> Image:
    """A mask as a grey picture."""
    return Image(_flat(mask.values)[..., None].expand(-1, -1, -1, 3))


@node("ImageToMask", category="mask", title="Convert Image to Mask")
def image_to_mask(*, image: Image, channel: Literal["red", "green", "blue", "alpha"]) -> Mask:
    """One channel of a picture as a mask."""
    number = CHANNELS.index(channel)
    if number >= image.pixels.shape[-1]:
        raise BadInput(f"the picture has {image.pixels.shape[-1]} channels, so it has no {channel}")
    return Mask(image.pixels[..., number])


@node("ImageColorToMask", category="mask", title="ImageColorToMask")
def image_color_to_mask(*, image: Image, color: Color = 0) -> Mask:
    """1 where a picture has exactly this colour, in 8 bits a channel."""
    wanted = (unpack(color) * 255).round().int()
    levels = (image.pixels[..., :3].clamp(0, 1) * 255).round().int()
    return Mask((levels == wanted).all(dim=-1).float())


@node("SolidMask", category="mask", title="SolidMask")
def solid_mask(*, value: Share = 1.0, width: Side = 512, height: Side = 512) -> Mask:
    """A mask of one value."""
    check_size(width, height, 1)
    return Mask(torch.full((1, height, width), value))


@node("InvertMask", category="mask", title="InvertMask")
def invert_mask(*, mask: Mask) -> Mask:
    """1 - mask."""
    return Mask(1 - mask.values)


@node("CropMask", category="mask", title="CropMask")
def crop_mask(*, mask: Mask, x: Offset = 0, y: Offset = 0, width: Side = 512, height: Side = 512) -> Mask:
    """Cuts a rectangle out; what would lie outside is left off."""
    values = _flat(mask.values)
    rows, columns = values.shape[-2:]
    if x >= columns or y >= rows:
        raise BadInput(f"the cut starts at {x}, {y}, outside of the mask of {columns} × {rows} pixels")
    return Mask(values[:, y : y + height, x : x + width])


@node("MaskComposite", category="mask", title="MaskComposite")
def mask_composite(
    *, destination: Mask, source: Mask, x: Offset = 0, y: Offset = 0, operation: Operation
) -> Mask:
    """Joins one mask to another at a place; and, or, xor round both to 0 and 1 first."""
    result = _flat(destination.values).clone()
    laid = repeat_to(_flat(source.values), len(result))
    part = result[:, y : y + laid.shape[1], x : x + laid.shape[2]]
    part.copy_(_join(part, laid[:, : part.shape[1], : part.shape[2]], operation))
    return Mask(result.clamp(0, 1))


@node("FeatherMask", category="mask", title="FeatherMask")
def feather_mask(
    *, mask: Mask, left: Offset = 0, top: Offset = 0, right: Offset = 0, bottom: Offset = 0
) -> Mask:
    """Lets a mask fall towards its edges; the outermost of n pixels keeps 1 / n."""
    values = _flat(mask.values)
    height, width = values.shape[-2:]
    ramps = min(left, width), min(top, height), min(right, width), min(bottom, height)
    return Mask(values * feathered(height, width, ramps))


@node("GrowMask", category="mask", title="GrowMask")
def grow_mask(*, mask: Mask, expand: Growth = 0, tapered_corners: bool = True) -> Mask:
    """Widens a mask pixel by pixel; tapered corners grow along rows and columns only, so into a diamond."""
    values = _flat(mask.values)
    spread = maximum if expand > 0 else minimum
    if not tapered_corners:
        return Mask(spread(values, 2 * abs(expand) + 1))
    # After as many rounds as rows and columns nothing changes any more.
    for _ in range(min(abs(expand), sum(values.shape[-2:]))):
        values = _spread_crosswise(values, is_growing=expand > 0)
    return Mask(values)


@node("ThresholdMask", category="mask", title="ThresholdMask")
def threshold_mask(*, mask: Mask, value: Share = 0.5) -> Mask:
    """1 where a mask is above the value, otherwise 0."""
    return Mask((mask.values > value).float())


@node("MaskPreview", category="mask", title="Preview Mask", is_output=True)
def mask_preview(*, mask: Mask, ctx: Context) -> None:
    """Shows masks without keeping them."""
    preview_image(images=mask_to_image(mask=mask), ctx=ctx)


@node("LoadImageMask", category="mask", title="Load Image (as Mask)")
def load_image_mask(
    *,
    image: Annotated[str, InputChoice("image")],
    channel: Literal["alpha", "red", "green", "blue"],
    ctx: Context,
) -> Mask:
    """One channel of a picture from the inputs as a mask; of alpha, 1 where the picture is transparent."""
    pixels, alpha = decode_picture(ctx.find_input(image))
    if channel != "alpha":
        return Mask(pixels[..., CHANNELS.index(channel)])
    return Mask(torch.zeros(pixels.shape[:3]) if alpha is None else 1 - alpha)


def _flat(values: Tensor) -> Tensor:
    """(B, H, W), whatever stands before height and width."""
    return values.reshape(-1, *values.shape[-2:])


def _join(below: Tensor, above: Tensor, operation: Operation) -> Tensor:
    match operation:
        case "multiply":
            return below * above
        case "add":
            return below + above
        case "subtract":
            return below - above
        case "and":
            return (below.round().bool() & above.round().bool()).float()
        case "or":
            return (below.round().bool() | above.round().bool()).float()
        case "xor":
            return (below.round().bool() ^ above.round().bool()).float()


def _spread_crosswise(values: Tensor, *, is_growing: bool) -> Tensor:
    """Each pixel's extreme over itself and its four neighbours."""
    if not is_growing:
        return -_spread_crosswise(-values, is_growing=True)
    return torch.maximum(maximum(values, 3, axes=(-1,)), maximum(values, 3, axes=(-2,)))
