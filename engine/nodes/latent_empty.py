"""Zeros to start from, for families whose latents are not Stable Diffusion's."""

from typing import Annotated

import torch

from engine.graph.kinds import Count, IntWidget, Latent
from engine.graph.spec import node
from engine.nodes.resize import check_size
from engine.nodes.sides import MAX_SIDE_PX

WideSide = Annotated[int, IntWidget(16, MAX_SIDE_PX, step=16)]
HunyuanSide = Annotated[int, IntWidget(64, MAX_SIDE_PX, step=32)]
CascadeSide = Annotated[int, IntWidget(256, MAX_SIDE_PX, step=8)]
Compression = Annotated[int, IntWidget(4, 128, step=1)]

# Channels, and pixels a cell along each side.
SD3, HUNYUAN_IMAGE, PIXELS, CASCADE_B = (16, 8), (64, 32), (3, 1), (4, 4)
CASCADE_C_CHANNELS = 16


@node("EmptySD3LatentImage", category="latent/sd3", title="EmptySD3LatentImage")
def empty_sd3_latent_image(
    *, width: WideSide = 1024, height: WideSide = 1024, batch_size: Count = 1
) -> Latent:
    """Zeros for SD 3, Flux and other families of 16 channels."""
    return _empty(width, height, batch_size, SD3)


@node("EmptyHunyuanImageLatent", category="latent", title="EmptyHunyuanImageLatent")
def empty_hunyuan_image_latent(
    *, width: HunyuanSide = 2048, height: HunyuanSide = 2048, batch_size: Count = 1
) -> Latent:
    """Zeros for HunyuanImage."""
    return _empty(width, height, batch_size, HUNYUAN_IMAGE)


@node(
    "EmptyChromaRadianceLatentImage",
    category="latent/chroma_radiance",
    title="EmptyChromaRadianceLatentImage",
)
def empty_chroma_radiance_latent_image(
    *, width: WideSide = 1024, height: WideSide = 1024, batch_size: Count = 1
) -> Latent:
    """Zeros for Chroma Radiance, which denoises pixels."""
    return _empty(width, height, batch_size, PIXELS)


@node(
    "StableCascade_EmptyLatentImage",
    category="latent/stable_cascade",
    title="StableCascade_EmptyLatentImage",
    output_names=("stage_c", "stage_b"),
)
def stable_cascade_empty_latent_image(
    *,
    width: CascadeSide = 1024,
    height: CascadeSide = 1024,
    compression: Compression = 42,
    batch_size: Count = 1,
) -> tuple[Latent, Latent]:
    """Zeros for both stages of Stable Cascade; `compression` is the pixels a cell of stage C."""
    stage_c = _empty(width, height, batch_size, (CASCADE_C_CHANNELS, compression))
    return stage_c, _empty(width, height, batch_size, CASCADE_B)


def _empty(width: int, height: int, count: int, kind: tuple[int, int]) -> Latent:
    channels, factor = kind
    check_size(width, height, count)
    return Latent(torch.zeros(count, channels, height // factor, width // factor))
