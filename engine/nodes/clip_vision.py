"""Nodes that turn pictures into vectors."""

from typing import Annotated, Literal, cast

import torch
from torch import Tensor

from engine.errors import UnsupportedCheckpoint
from engine.graph.context import Context
from engine.graph.kinds import ClipVision, ClipVisionOutput, FileChoice, Image, Tip
from engine.graph.spec import node
from engine.models import clip_vision
from engine.models.clip_vision import ClipVisionConfig, prepare
from engine.models.detect import detect_part, find_place
from engine.models.known import find_known_denoiser, find_known_part
from engine.nodes.model_files import handle_of
from engine.weights.header import read_header

ClipVisionName = Annotated[str, FileChoice("clip_vision")]
VisionCrop = Annotated[
    Literal["center", "none"], Tip("With none the whole picture is squeezed into the encoder's square.")
]


@node("CLIPVisionLoader", category="loaders", title="Load CLIP Vision")
def clip_vision_loader(*, clip_name: ClipVisionName, ctx: Context) -> ClipVision:
    """Loads CLIP's encoder of pictures: ViT-L, H or bigG."""
    path = ctx.models.resolve("clip_vision", clip_name)
    shapes = read_header(path).shapes
    if find_place(shapes, clip_vision.PART) is None:
        known = find_known_part(shapes) or find_known_denoiser(shapes) or "of no known kind"
        raise UnsupportedCheckpoint(
            f"{path.name} is no CLIP vision encoder that is supported; it is: {known}"
        )
    detected = detect_part(shapes, clip_vision.PART, f"{path.name}: the vision encoder")
    return ClipVision(handle_of(path, "clip_vision", "clip", detected))


@node("CLIPVisionEncode", category="conditioning", title="CLIP Vision Encode")
def clip_vision_encode(
    *, clip_vision: ClipVision, image: Image, crop: VisionCrop, ctx: Context
) -> ClipVisionOutput:
    """What CLIP sees in a picture, for what is guided by pictures."""
    return encode_picture(clip_vision, image, ctx, is_cropped=crop == "center")


def encode_picture(
    encoder: ClipVision,
    image: Image,
    ctx: Context,
    *,
    is_cropped: bool = True,
    visible: Tensor | None = None,
) -> ClipVisionOutput:
    """The pictures' vectors, float32 on the CPU. visible: (B or 1, 1, side_px, side_px), 1 where they are
    seen, 0 where there is the grey of training's mean instead.
    """
    config, placement = cast("ClipVisionConfig", encoder.handle.config), ctx.pool.placement
    pixels = prepare(image.pixels.to(placement.device), config.side_px, is_cropped=is_cropped)
    if visible is not None:
        pixels = pixels * visible.to(pixels)
    with torch.inference_mode(), ctx.pool.lease(encoder.handle) as leased:
        seen = cast("clip_vision.ClipVision", leased)(pixels.to(placement.dtype_of("clip")))
    return ClipVisionOutput(*(found.float().cpu() for found in (seen.embeds, seen.last, seen.penultimate)))
