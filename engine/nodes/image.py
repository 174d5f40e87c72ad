"""Pictures in and out, and their size."""

from datetime import datetime
from typing import Annotated, Literal

import torch
from torch import Tensor

from engine.graph.context import Context
from engine.graph.events import OutputFile
from engine.graph.kinds import Choice, Crop, FilePrefix, Image, InputChoice, Mask, ScaledPixels, Tip
from engine.graph.spec import node
from engine.nodes.naming import expand_prefix
from engine.nodes.pictures import decode_picture, encode_png, resize_lanczos
from engine.nodes.resize import check_size, crop_to_aspect, resize

SCALE_METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "lanczos")

ScaleMethod = Annotated[str, Choice(SCALE_METHODS)]

# What ComfyUI gives for pictures without alpha; whatever takes a mask scales it.
_EMPTY_MASK_SIDE = 64


@node("LoadImage", category="image", title="Load Image")
def load_image(*, image: Annotated[str, InputChoice("image")], ctx: Context) -> tuple[Image, Mask]:
    """A picture from the inputs, turned upright, and what is transparent in it as a mask.

    The mask is 1 - alpha; without alpha it is zeros, 64 × 64.
    """
    pixels, alpha = decode_picture(ctx.find_input(image))
    if alpha is None:
        return Image(pixels), Mask(torch.zeros(len(pixels), _EMPTY_MASK_SIDE, _EMPTY_MASK_SIDE))
    return Image(pixels), Mask(1.0 - alpha)


@node("SaveImage", category="image", title="Save Image", is_output=True)
def save_image(
    *,
    images: Image,
    filename_prefix: Annotated[
        FilePrefix, Tip("Start of the file names. May have folders, %width%, %height%, %year%, %batch_num% …")
    ] = "ComfyUI",
    ctx: Context,
) -> None:
    """Keeps pictures as PNG files that carry the prompt and the workflow."""
    _hand_over(images, filename_prefix, "output", ctx)


@node("PreviewImage", category="image", title="Preview Image", is_output=True)
def preview_image(*, images: Image, ctx: Context) -> None:
    """Shows pictures without keeping them."""
    _hand_over(images, "ComfyUI_temp", "temp", ctx)


def _hand_over(images: Image, prefix: str, purpose: Literal["output", "temp"], ctx: Context) -> None:
    now = datetime.now().astimezone()
    height, width = images.pixels.shape[1:3]
    for index, pixels in enumerate(images.pixels):
        ctx.check_cancelled()
        content = encode_png(
            pixels,
            prompt=ctx.prompt,
            workflow=ctx.workflow,
            compress_level=4 if purpose == "output" else 1,
        )
        name = expand_prefix(prefix, width=width, height=height, index=index, now=now)
        ctx.save(OutputFile(purpose, "image", name, ".png", "image/png", content, width, height))


@node("ImageScale", category="image/upscaling", title="Upscale Image")
def image_scale(
    *,
    image: Image,
    upscale_method: ScaleMethod,
    width: Annotated[ScaledPixels, Tip("0 follows from the height and the aspect")] = 512,
    height: Annotated[ScaledPixels, Tip("0 follows from the width and the aspect")] = 512,
    crop: Annotated[Crop, Tip("center cuts to the new aspect first, disabled stretches")],
) -> Image:
    """Pictures of another size."""
    pixels = image.pixels.movedim(-1, 1)  # (B, H, W, C) -> (B, C, H, W)
    if width == 0 and height == 0:
        return image
    old_height, old_width = pixels.shape[-2:]
    width = width or max(1, round(old_width * height / old_height))
    height = height or max(1, round(old_height * width / old_width))
    if crop == "center":
        pixels = crop_to_aspect(pixels, width, height)
    return Image(scale(pixels, width, height, upscale_method).movedim(1, -1))


def scale(pixels: Tensor, width: int, height: int, method: str) -> Tensor:
    """(B, 3 or 4, H, W) -> (B, …, height, width); `method` is one of SCALE_METHODS. Raises BadInput."""
    check_size(width, height, len(pixels))
    if method == "lanczos":
        return resize_lanczos(pixels, width, height)
    return resize(pixels, width, height, method)
