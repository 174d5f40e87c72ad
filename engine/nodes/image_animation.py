"""Nodes that keep a batch of pictures as one moving picture."""

import io
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from engine.graph.context import Context
from engine.graph.events import OutputFile
from engine.graph.kinds import FilePrefix, FloatWidget, Image, IntWidget
from engine.graph.spec import node
from engine.nodes.naming import expand_prefix
from engine.nodes.pictures import to_bytes, write_metadata

FramesPerSecond = Annotated[float, FloatWidget(0.01, 1000.0, step=0.01)]
Quality = Annotated[int, IntWidget(0, 100)]

# How much effort WebP's encoder makes.
METHODS: Mapping[str, int] = {"default": 4, "fastest": 0, "slowest": 6}
# Exif tags that texts are kept under: Model, Make.
_EXIF_TAGS: Mapping[str, int] = {"prompt": 0x0110, "workflow": 0x010F}
# An animated PNG's readers look for texts in plain chunks before the frames; these lie behind the first.
_CHUNK = b"comf"


@node("SaveAnimatedWEBP", category="image/animation", title="SaveAnimatedWEBP", is_output=True)
def save_animated_webp(
    *,
    images: Image,
    filename_prefix: FilePrefix = "ComfyUI",
    fps: FramesPerSecond = 6.0,
    lossless: bool = True,
    quality: Quality = 80,
    method: Literal["default", "fastest", "slowest"],
    ctx: Context,
) -> None:
    """Keeps pictures as an animated WebP that carries the prompt and the workflow."""
    first, *rest = _frames(images)
    exif = Pillow.Exif()
    for name, text in write_metadata(ctx.prompt, ctx.workflow).items():
        exif[_EXIF_TAGS[name]] = f"{name}:{text}"
    buffer = io.BytesIO()
    first.save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=rest,
        duration=_milliseconds(fps),
        exif=exif,
        lossless=lossless,
        quality=quality,
        method=METHODS[method],
    )
    _hand_over(images, filename_prefix, (".webp", "image/webp"), buffer.getvalue(), ctx)


@node("SaveAnimatedPNG", category="image/animation", title="SaveAnimatedPNG", is_output=True)
def save_animated_png(
    *,
    images: Image,
    filename_prefix: FilePrefix = "ComfyUI",
    fps: FramesPerSecond = 6.0,
    compress_level: Annotated[int, IntWidget(0, 9)] = 4,
    ctx: Context,
) -> None:
    """Keeps pictures as an animated PNG that carries the prompt and the workflow."""
    first, *rest = _frames(images)
    chunks = PngInfo()
    for name, text in write_metadata(ctx.prompt, ctx.workflow).items():
        chunks.add(_CHUNK, name.encode() + b"\0" + text.encode(), after_idat=True)
    buffer = io.BytesIO()
    first.save(
        buffer,
        "PNG",
        save_all=True,
        append_images=rest,
        duration=_milliseconds(fps),
        pnginfo=chunks,
        compress_level=compress_level,
    )
    _hand_over(images, filename_prefix, (".png", "image/png"), buffer.getvalue(), ctx)


def _frames(images: Image) -> list[Pillow.Image]:
    return [Pillow.fromarray(to_bytes(pixels).numpy()) for pixels in images.pixels]


def _milliseconds(fps: float) -> int:
    return int(1000 / fps)


def _hand_over(images: Image, prefix: str, kind: tuple[str, str], content: bytes, ctx: Context) -> None:
    height, width = images.pixels.shape[1:3]
    now = datetime.now().astimezone()
    name = expand_prefix(prefix, width=width, height=height, index=0, now=now)
    ctx.save(OutputFile("output", "image", name, *kind, content, width, height))
