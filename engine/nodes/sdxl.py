"""Nodes that tell SDXL about the size of pictures, and the one that chooses an encoder's layer."""

from dataclasses import replace
from typing import Annotated

from engine.errors import BadInput
from engine.graph.context import Context
from engine.graph.kinds import Clip, Conditioning, FloatWidget, IntWidget, PictureSize, Text, Tip
from engine.graph.spec import node
from engine.nodes.text_encoding import encode_prompts

Side = Annotated[int, IntWidget(0, 16_384)]
Score = Annotated[float, FloatWidget(0.0, 1000.0, step=0.01), Tip("How beautiful the picture shall be.")]
Layer = Annotated[
    int, IntWidget(-24, -1, step=1), Tip("-1 is the encoder's last layer, -2 the one before it.")
]


@node("CLIPTextEncodeSDXL", category="advanced/conditioning", title="CLIPTextEncodeSDXL")
def clip_text_encode_sdxl(
    *,
    clip: Clip,
    width: Side = 1024,
    height: Side = 1024,
    crop_w: Side = 0,
    crop_h: Side = 0,
    target_width: Side = 1024,
    target_height: Side = 1024,
    text_g: Text,
    text_l: Text,
    ctx: Context,
) -> Conditioning:
    """Encodes a prompt for each of SDXL's text encoders, with the size that the picture shall have."""
    if clip.second is None:
        raise BadInput(f"{clip.handle.title} is one text encoder; SDXL's prompts go through two")
    size = PictureSize(width, height, crop_w, crop_h, target_width, target_height)
    return Conditioning((replace(encode_prompts(clip, [text_l, text_g], ctx), size=size),))


@node("CLIPTextEncodeSDXLRefiner", category="advanced/conditioning", title="CLIPTextEncodeSDXLRefiner")
def clip_text_encode_sdxl_refiner(
    *,
    ascore: Score = 6.0,
    width: Side = 1024,
    height: Side = 1024,
    text: Text,
    clip: Clip,
    ctx: Context,
) -> Conditioning:
    """Encodes a prompt for SDXL's refiner, with the size and the beauty that the picture shall have."""
    prompts = [text] if clip.second is None else [text, text]
    size = PictureSize(width, height, score=ascore)
    return Conditioning((replace(encode_prompts(clip, prompts, ctx), size=size),))


@node("CLIPSetLastLayer", category="conditioning", title="CLIP Set Last Layer")
def clip_set_last_layer(*, clip: Clip, stop_at_clip_layer: Layer = -1) -> Clip:
    """Takes the hidden states of an earlier layer, as some models were trained ("clip skip")."""
    return replace(clip, last_layer=stop_at_clip_layer)
