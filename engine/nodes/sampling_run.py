"""One run of a sampler on a model, with previews: what all nodes that sample have in common."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor

from engine.errors import BadInput
from engine.graph.adaptations import NegativeBesideEmpty, PerpendicularNegative
from engine.graph.context import Context
from engine.graph.kinds import Guider, Latent, Noise
from engine.models.sd_unet import SdUNetConfig
from engine.nodes.adapting import adapt_guided, mask_at_of
from engine.nodes.denoising import (
    check_fit,
    conditions_of,
    most_cells,
    parametrisation_of,
    sigmas_of,
    space_of,
)
from engine.nodes.picture_prompts import prompting_by_pictures
from engine.nodes.previews import step_reporter
from engine.sampling.denoiser import Condition, GuidedDenoiser, Network
from engine.sampling.guidance import Guided
from engine.sampling.prediction import adapt
from engine.sampling.sample import Course, Start, sample
from engine.sampling.samplers.method import Method


@dataclass(frozen=True, eq=False)
class Walk:
    """What is sampled, and how. levels: sigmas (N + 1,), or empty to stay."""

    guider: Guider
    latent: Latent
    noise: Noise
    method: Method
    levels: Tensor


def run_walk(walk: Walk, ctx: Context) -> tuple[Latent, Latent]:
    """Where the walk ends, and the last estimate of the clean latent. Raises BadInput for what cannot fit."""
    guider, latent = _with_empty_side(walk.guider), walk.latent
    model = guider.model
    check_fit(model, latent, *guider.sides)
    if walk.method.changes_size:
        _check_no_places(guider, latent)
    device = ctx.pool.placement.device
    estimates: list[Tensor] = []
    with torch.inference_mode():
        # Before the network is leased: both at once may not fit.
        report = step_reporter(model, len(walk.levels) - 1, ctx)

        def on_step(step: int, denoised: Tensor) -> None:
            estimates[:] = [denoised]
            report(step, denoised)

        start = Start(
            latent.samples.to(device),
            walk.noise.seed,
            latent.batch_index,
            is_noised=walk.noise.is_drawn,
            mask=latent.noise_mask,
            mask_at=mask_at_of(model, walk.levels),
        )
        course = Course(walk.levels, walk.method, sigmas_of(model))
        with _denoiser(guider, latent, ctx) as denoiser:
            samples = sample(denoiser, start, course, space=space_of(model), on_step=on_step)
    finished = replace(latent, samples=samples.cpu())
    return finished, replace(latent, samples=estimates[0].cpu()) if estimates else finished


def _check_no_places(guider: Guider, latent: Latent) -> None:
    """Raises BadInput where something is bound to places of a picture whose size will change."""
    entries = [entry for side in guider.sides for entry in side.entries]
    channels = cast("SdUNetConfig", guider.model.handle.config).in_channels
    if (
        latent.noise_mask is not None
        or channels != latent.samples.shape[1]
        or any(entry.mask is not None or entry.area is not None for entry in entries)
    ):
        raise BadInput(
            "SamplerLCMUpscale changes the picture's size on its way: it cannot repaint a part of it, nor"
            " take conditioning with masks or areas, nor a model that is given a picture"
        )


def _with_empty_side(guider: Guider) -> Guider:
    """The guider with a third side where the model wants to measure its two from the empty text."""
    wishes = [each for each in guider.model.adaptations if isinstance(each, NegativeBesideEmpty)]
    if not wishes or len(guider.sides) != 2:
        return guider
    adaptations = tuple(
        PerpendicularNegative(each.scale) if isinstance(each, NegativeBesideEmpty) else each
        for each in guider.model.adaptations
    )
    cfg, _ = guider.weights
    model = replace(guider.model, adaptations=adaptations)
    return Guider(model, (*guider.sides, wishes[-1].empty), (cfg, 0.0, 1 - cfg))


@contextmanager
def _denoiser(guider: Guider, latent: Latent, ctx: Context) -> Generator[GuidedDenoiser]:
    """The guided denoiser, while the network is leased. Looks for cancellation before each call of the
    network.
    """
    model = guider.model
    last = len(guider.sides) - 1
    sides = tuple(
        conditions_of(side, model, latent, ctx.pool, is_negative=0 < place == last)
        for place, side in enumerate(guider.sides)
    )
    device, dtype = ctx.pool.placement.device, ctx.pool.placement.dtype_of("unet")
    with ctx.pool.lease(model.handle) as module:
        adapted = adapt(cast("Network", module), parametrisation_of(model), dtype)
        with prompting_by_pictures(model, module, adapted, device) as prompted:

            def predict(x: Tensor, sigma: float, condition: Condition) -> Tensor:
                ctx.check_cancelled()
                return prompted(x, sigma, condition)

            room = most_cells(model, ctx.pool.placement)
            with adapt_guided(model, module, Guided(predict, sides, guider.weights, room)) as denoiser:
                yield denoiser
