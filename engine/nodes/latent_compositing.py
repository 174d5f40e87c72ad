"""Nodes that lay latents onto each other and say where a latent may change."""

from dataclasses import replace

from torch import Tensor

from engine.graph.kinds import Latent, Mask
from engine.graph.spec import node
from engine.nodes.latent import FACTOR
from engine.nodes.latent_arithmetic import check_channels
from engine.nodes.pasting import Paste, feathered, paste
from engine.nodes.sides import LatentOffset


@node("LatentComposite", category="latent", title="Latent Composite")
def latent_composite(
    *,
    samples_to: Latent,
    samples_from: Latent,
    x: LatentOffset = 0,
    y: LatentOffset = 0,
    feather: LatentOffset = 0,
) -> Latent:
    """Lays one latent onto another; `feather` pixels along its inner edges blend."""
    below, above = samples_to.samples, samples_from.samples
    check_channels(below, above)
    left, top = x // FACTOR, y // FACTOR
    above = above[..., : max(0, below.shape[-2] - top), : max(0, below.shape[-1] - left)]
    cover = _feathered(below, above, (left, top), feather // FACTOR)
    return replace(
        samples_to, samples=paste(below, above, Paste(left, top, cover)) if above.numel() else below
    )


@node("LatentCompositeMasked", category="latent", title="LatentCompositeMasked")
def latent_composite_masked(
    *,
    destination: Latent,
    source: Latent,
    x: LatentOffset = 0,
    y: LatentOffset = 0,
    resize_source: bool = False,
    mask: Mask | None = None,
) -> Latent:
    """Lays one latent onto another where the mask is 1; without a mask all of it."""
    check_channels(destination.samples, source.samples)
    where = Paste(x // FACTOR, y // FACTOR, mask.values if mask else None, resize_source)
    return replace(destination, samples=paste(destination.samples, source.samples, where))


@node("SetLatentNoiseMask", category="latent/inpaint", title="Set Latent Noise Mask")
def set_latent_noise_mask(*, samples: Latent, mask: Mask) -> Latent:
    """Lets sampling change a latent only where the mask is 1."""
    return replace(samples, noise_mask=mask.values)


def _feathered(below: Tensor, above: Tensor, corner: tuple[int, int], width: int) -> Tensor:
    """(1, h, w): ramps along those edges of `above` that are not on an edge of `below`."""
    (left, top), (rows, columns) = corner, above.shape[-2:]
    inner = (
        left > 0,
        top > 0,
        left + columns < below.shape[-1],
        top + rows < below.shape[-2],
    )
    to_left, to_top, to_right, to_bottom = (width if is_inner else 0 for is_inner in inner)
    return feathered(rows, columns, (to_left, to_top, to_right, to_bottom))[None]
