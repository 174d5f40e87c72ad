"""Nodes that take batches of latents apart and put them together.

`batch_index` goes along: a latent keeps the noise of the place that it had in its first batch.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

import torch
from torch import Tensor

from engine.graph.kinds import IntWidget, Latent, Tip
from engine.graph.spec import node
from engine.nodes.latent import FACTOR
from engine.nodes.latent_arithmetic import check_channels
from engine.nodes.resize import check_size, fit, repeat_to

FirstLatent = Annotated[int, IntWidget(0, 63), Tip("Counts from 0; beyond the end it is the last.")]
RebatchCount = Annotated[int, IntWidget(1, 4096)]
LatentCount = Annotated[int, IntWidget(1, 64)]


@node("LatentBatch", category="latent/batch", title="Latent Batch")
def latent_batch(*, samples1: Latent, samples2: Latent) -> Latent:
    """Both batches as one, the second brought to the size of the first."""
    first, second = samples1.samples, samples2.samples
    check_channels(first, second)
    joined = torch.cat([first, fit(second, first, "bilinear")])
    return replace(samples1, samples=joined, batch_index=places_of(samples1) + places_of(samples2))


@node("LatentFromBatch", category="latent/batch", title="Latent From Batch")
def latent_from_batch(*, samples: Latent, batch_index: FirstLatent = 0, length: LatentCount = 1) -> Latent:
    """A few latents of a batch, with the noise that they have in it."""
    first = min(batch_index, len(samples.samples) - 1)
    chosen = slice(first, first + length)
    mask = samples.noise_mask
    if mask is not None and len(mask) > 1:
        mask = repeat_to(mask, len(samples.samples))[chosen]
    places = places_of(samples)[chosen]
    return replace(samples, samples=samples.samples[chosen], noise_mask=mask, batch_index=places)


@node("RepeatLatentBatch", category="latent/batch", title="Repeat Latent Batch")
def repeat_latent_batch(*, samples: Latent, amount: LatentCount = 1) -> Latent:
    """The whole batch several times."""
    count = len(samples.samples)
    height, width = samples.samples.shape[-2:]
    check_size(width * FACTOR, height * FACTOR, count * amount)
    mask = samples.noise_mask
    if mask is not None and len(mask) > 1:
        mask = repeat_to(repeat_to(mask, count), count * amount)
    repeated = repeat_to(samples.samples, count * amount)
    places = _repeat_places(samples.batch_index, amount)
    return replace(samples, samples=repeated, noise_mask=mask, batch_index=places)


@node("LatentBatchSeedBehavior", category="latent/advanced", title="LatentBatchSeedBehavior")
def latent_batch_seed_behavior(
    *, samples: Latent, seed_behavior: Literal["random", "fixed"] = "fixed"
) -> Latent:
    """Gives every latent of the batch the same noise (fixed) or each its own (random)."""
    if seed_behavior == "random":
        return replace(samples, batch_index=None)
    first = places_of(samples)[0]
    return replace(samples, batch_index=(first,) * len(samples.samples))


def places_of(latent: Latent) -> tuple[int, ...]:
    """Whose noise each latent gets: its place in the batch where nothing else is said."""
    return tuple(range(len(latent.samples))) if latent.batch_index is None else latent.batch_index


def _repeat_places(places: tuple[int, ...] | None, amount: int) -> tuple[int, ...] | None:
    """Each repetition goes on behind the one before."""
    if places is None:
        return None
    stride = max(places) - min(places) + 1
    return tuple(place + stride * turn for turn in range(amount) for place in places)


@node("RebatchLatents", category="latent/batch", title="Rebatch Latents")
def rebatch_latents(*, latents: Sequence[Latent], batch_size: Sequence[RebatchCount] = (1,)) -> list[Latent]:
    """Cuts a list of latents into batches of a size; where the shape changes, a new batch begins."""
    batches: list[list[Latent]] = []
    for single in (single for latent in latents for single in _singles(latent)):
        last = batches[-1][-1] if batches else None
        is_alike = last is not None and last.samples.shape == single.samples.shape
        if is_alike and len(batches[-1]) < batch_size[0]:
            batches[-1].append(single)
        else:
            batches.append([single])
    return [_join(batch) for batch in batches]


def _singles(latent: Latent) -> list[Latent]:
    count = len(latent.samples)
    masks = [None] * count
    if latent.noise_mask is not None:
        masks = list(repeat_to(latent.noise_mask, count).split(1))
    parts = zip(latent.samples.split(1), masks, places_of(latent), strict=True)
    return [Latent(samples, noise_mask=mask, batch_index=(place,)) for samples, mask, place in parts]


def _join(batch: Sequence[Latent]) -> Latent:
    """One latent of several of one shape; where only some have a mask, the others are free everywhere."""
    samples = torch.cat([single.samples for single in batch])
    places = tuple(place for single in batch for place in places_of(single))
    given = next((single.noise_mask for single in batch if single.noise_mask is not None), None)
    if given is None:
        return Latent(samples, batch_index=places)
    masks = torch.cat([_mask_like(single.noise_mask, given) for single in batch])
    return Latent(samples, noise_mask=masks, batch_index=places)


def _mask_like(mask: Tensor | None, given: Tensor) -> Tensor:
    """(1, H, W) in the size of `given`."""
    return torch.ones_like(given) if mask is None else fit(mask[:, None], given[:, None], "bilinear")[:, 0]
