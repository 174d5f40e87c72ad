"""Pictures as files: decoding what people upload, encoding what nodes made."""

import json
import struct
import warnings
import zlib
from io import BytesIO

import numpy
import torch
from PIL import Image as Pillow
from PIL import ImageOps, ImageSequence
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from engine.errors import InputUnreadable
from engine.graph.context import InputFile
from engine.graph.limits import MAX_INPUT_BYTES, MAX_PICTURE_PIXELS

# Few decoders read what strangers send: each is code in C that has had its holes.
FORMATS = ("PNG", "JPEG", "WEBP")

# What Pillow's decoders raise for malformed files.
_DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
    Pillow.DecompressionBombError,
    Pillow.DecompressionBombWarning,
)


def decode_picture(file: InputFile) -> tuple[Tensor, Tensor | None]:
    """Pixels (B, H, W, 3) and alpha (B, H, W), both in [0, 1]; alpha is None where the picture has none.

    B counts the frames of an animation that are as large as the first. Raises InputUnreadable, before
    decoding if the picture is too large.
    """
    content = file.read()
    if len(content) > MAX_INPUT_BYTES:
        raise InputUnreadable(f"{file.name!r} has {len(content)} bytes; at most {MAX_INPUT_BYTES} are read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            with Pillow.open(BytesIO(content), formats=FORMATS) as picture:
                return _read_frames(file.name, picture)
    except Pillow.UnidentifiedImageError as problem:
        raise InputUnreadable(f"{file.name!r} is no PNG, JPEG or WebP picture") from problem
    except _DECODING_ERRORS as problem:
        raise InputUnreadable(f"{file.name!r} cannot be decoded: {problem}") from problem


def _read_frames(name: str, picture: Pillow.Image) -> tuple[Tensor, Tensor | None]:
    # The further frames of an MPO, as cameras write it, are other views and no animation.
    count = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
    pixels = picture.width * picture.height * count
    if pixels > MAX_PICTURE_PIXELS:
        size = f"{picture.width} × {picture.height}" + (f" × {count} frames" if count > 1 else "")
        raise InputUnreadable(f"{name!r} has {size} pixels; at most {MAX_PICTURE_PIXELS} are read")
    frames = [
        ImageOps.exif_transpose(frame)
        for _, frame in zip(range(count), ImageSequence.Iterator(picture), strict=False)
    ]
    same = [frame for frame in frames if frame.size == frames[0].size]
    alphas = [_read_alpha(frame) for frame in same]
    alpha = torch.stack([found for found in alphas if found is not None]) if None not in alphas else None
    return torch.stack([_read_rgb(frame) for frame in same]), alpha


def _read_rgb(frame: Pillow.Image) -> Tensor:
    if frame.mode.startswith("I"):  # 16 bits a pixel, grey
        grey = torch.from_numpy(numpy.asarray(frame, dtype=numpy.float32)) / 65535
        return grey.clamp(0, 1)[..., None].expand(-1, -1, 3).contiguous()
    return _to_tensor(frame.convert("RGB"))


def _read_alpha(frame: Pillow.Image) -> Tensor | None:
    if not frame.has_transparency_data:
        return None
    return _to_tensor(frame.convert("RGBA").getchannel("A"))


def _to_tensor(picture: Pillow.Image) -> Tensor:
    """8 bit -> float32 in [0, 1]."""
    return torch.from_numpy(numpy.asarray(picture).astype(numpy.float32) / 255.0)


def to_bytes(pixels: Tensor) -> Tensor:
    """[0, 1] -> 0 … 255, cut off and not rounded, as ComfyUI does; NaN is black."""
    return (255.0 * pixels.float().cpu()).nan_to_num(0.0).clamp(0, 255).to(torch.uint8)


def resize_lanczos(x: Tensor, width: int, height: int) -> Tensor:
    """(B, 3 or 4, H, W) in [0, 1] -> (B, …, height, width), through 8 bits a channel as ComfyUI does."""
    size = width, height
    pictures = (Pillow.fromarray(to_bytes(picture.movedim(0, -1)).numpy()) for picture in x)
    resized = [_to_tensor(picture.resize(size, Pillow.Resampling.LANCZOS)) for picture in pictures]
    return torch.stack(resized).movedim(-1, 1)


def encode_png(pixels: Tensor, *, prompt: object, workflow: object, compress_level: int) -> bytes:
    """pixels: (H, W, C) in [0, 1], 3 or 4 channels. What is not None of the rest becomes a tEXt chunk."""
    chunks = PngInfo()
    for keyword, text in write_metadata(prompt, workflow).items():
        chunks.add_text(keyword, text)
    buffer = BytesIO()
    picture = Pillow.fromarray(to_bytes(pixels).numpy())
    picture.save(buffer, format="PNG", pnginfo=chunks, compress_level=compress_level)
    return buffer.getvalue()


def write_metadata(prompt: object, workflow: object) -> dict[str, str]:
    """ASCII JSON by keyword, of what there is."""
    given = {"prompt": prompt, "workflow": workflow}
    return {keyword: json.dumps(value) for keyword, value in given.items() if value is not None}
