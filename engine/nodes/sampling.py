"""KSampler and its advanced form: model, conditioning and schedule in one node."""

from typing import Annotated, Literal

import torch
from torch import Tensor

from engine.graph.context import Context
from engine.graph.kinds import (
    Cfg,
    Choice,
    Conditioning,
    Denoise,
    IntWidget,
    Latent,
    Model,
    Noise,
    Seed,
    Steps,
    Tip,
)
from engine.graph.spec import node
from engine.nodes.denoising import sigmas_of
from engine.nodes.guiders import cfg_guider
from engine.nodes.sampling_run import Walk, run_walk
from engine.sampling.samplers.table import SAMPLERS
from engine.sampling.schedules import SCHEDULES, schedule_sigmas

SamplerName = Annotated[str, Choice(tuple(SAMPLERS)), Tip("How to walk from noise to picture.")]
SchedulerName = Annotated[str, Choice(tuple(SCHEDULES)), Tip("How the noise falls from step to step.")]
StepNumber = Annotated[int, IntWidget(0, 10_000)]


@node("KSampler", category="sampling", version=2)
def ksampler(
    *,
    model: Model,
    seed: Seed = 0,
    steps: Steps = 20,
    cfg: Cfg = 8.0,
    sampler_name: SamplerName,
    scheduler: SchedulerName,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    denoise: Denoise = 1.0,
    ctx: Context,
) -> Latent:
    """Denoises a latent, guided towards the positive and away from the negative conditioning."""
    method = SAMPLERS[sampler_name]
    levels = schedule_sigmas(
        scheduler, sigmas_of(model), steps, denoise, drops_second_last=method.drops_second_last
    )
    guider = cfg_guider(model=model, positive=positive, negative=negative, cfg=cfg)
    return run_walk(Walk(guider, latent_image, Noise(seed), method, levels), ctx)[0]


@node("KSamplerAdvanced", category="sampling", title="KSampler (Advanced)")
def ksampler_advanced(
    *,
    model: Model,
    add_noise: Literal["enable", "disable"],
    noise_seed: Seed = 0,
    steps: Steps = 20,
    cfg: Cfg = 8.0,
    sampler_name: SamplerName,
    scheduler: SchedulerName,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    start_at_step: StepNumber = 0,
    end_at_step: StepNumber = 10_000,
    return_with_leftover_noise: Literal["disable", "enable"],
    ctx: Context,
) -> Latent:
    """Walks part of a schedule, so that several samplers or models can share one. What is handed on between
    them keeps its noise; the last one returns without.
    """
    method = SAMPLERS[sampler_name]
    whole = schedule_sigmas(scheduler, sigmas_of(model), steps, drops_second_last=method.drops_second_last)
    levels = cut_levels(whole, start_at_step, end_at_step, ends_clean=return_with_leftover_noise == "disable")
    guider = cfg_guider(model=model, positive=positive, negative=negative, cfg=cfg)
    noise = Noise(noise_seed, is_drawn=add_noise == "enable")
    return run_walk(Walk(guider, latent_image, noise, method, levels), ctx)[0]


def cut_levels(levels: Tensor, start: int, end: int, *, ends_clean: bool) -> Tensor:
    """The levels from step `start` up to step `end`, 0 being the last if `ends_clean`; empty for no steps."""
    if end < len(levels) - 1:
        levels = levels[: end + 1].clone()
        if ends_clean:
            levels[-1] = 0
    return levels[start:] if start < len(levels) - 1 else torch.empty(0)
