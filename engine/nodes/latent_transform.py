"""Nodes that scale, turn and cut latents. Noise masks stay as they are: they are fitted when sampling."""

from dataclasses import replace
from typing import Annotated, Literal

import torch

from engine.graph.kinds import IntWidget, Latent
from engine.graph.spec import node
from engine.nodes.latent import FACTOR, UpscaleMethod
from engine.nodes.resize import check_size, resize
from engine.nodes.sides import MAX_SIDE_PX, Factor, LatentOffset

# A cut is not started nearer than this to the far edge.
MIN_CELLS = 8

CutSide = Annotated[int, IntWidget(64, MAX_SIDE_PX, step=8)]
Rotation = Literal["none", "90 degrees", "180 degrees", "270 degrees"]
FlipMethod = Literal["x-axis: vertically", "y-axis: horizontally"]


@node("LatentUpscaleBy", category="latent", title="Upscale Latent By")
def latent_upscale_by(*, samples: Latent, upscale_method: UpscaleMethod, scale_by: Factor = 1.5) -> Latent:
    """Scales latents by a factor."""
    width, height = (max(1, round(samples.samples.shape[axis] * scale_by)) for axis in (-1, -2))
    check_size(width * FACTOR, height * FACTOR, len(samples.samples))
    return replace(samples, samples=resize(samples.samples, width, height, upscale_method))


@node("LatentRotate", category="latent/transform", title="Rotate Latent")
def latent_rotate(*, samples: Latent, rotation: Rotation) -> Latent:
    """Turns latents clockwise."""
    return replace(samples, samples=torch.rot90(samples.samples, quarters_of(rotation), dims=(-1, -2)))


@node("LatentFlip", category="latent/transform", title="Flip Latent")
def latent_flip(*, samples: Latent, flip_method: FlipMethod) -> Latent:
    """Mirrors latents: vertically swaps top and bottom, horizontally left and right."""
    axis = -2 if flip_method == "x-axis: vertically" else -1
    return replace(samples, samples=samples.samples.flip(axis))


@node("LatentCrop", category="latent/transform", title="Crop Latent")
def latent_crop(
    *,
    samples: Latent,
    width: CutSide = 512,
    height: CutSide = 512,
    x: LatentOffset = 0,
    y: LatentOffset = 0,
) -> Latent:
    """Cuts a rectangle out; what would lie outside is left off."""
    rows, columns = samples.samples.shape[-2:]
    left, top = max(0, min(x // FACTOR, columns - MIN_CELLS)), max(0, min(y // FACTOR, rows - MIN_CELLS))
    bottom, right = top + height // FACTOR, left + width // FACTOR
    return replace(samples, samples=samples.samples[..., top:bottom, left:right])


def quarters_of(rotation: Rotation) -> int:
    """How many quarter turns a choice means."""
    return 0 if rotation == "none" else int(rotation.removesuffix(" degrees")) // 90
