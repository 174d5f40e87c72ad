"""Nodes that make noise levels."""

import math
from typing import Annotated, Literal

import torch

from engine.errors import BadInput
from engine.graph.kinds import EXACT, Denoise, FloatWidget, IntWidget, Model, Sigmas, Steps, TextWidget
from engine.graph.spec import node
from engine.nodes.denoising import sigmas_of
from engine.nodes.sampling import SchedulerName
from engine.sampling.schedules import (
    align_your_steps,
    beta_of,
    karras_between,
    laplace_between,
    polyexponential_between,
    schedule_sigmas,
    sd_turbo,
    vp,
)

_CATEGORY = "sampling/custom_sampling/schedulers"
SigmaMax = Annotated[float, FloatWidget(0.0, 5000.0, step=0.01, round=EXACT)]
SigmaMin = SigmaMax
Rho = Annotated[float, FloatWidget(0.0, 100.0, step=0.01, round=EXACT)]
BetaRange = Annotated[float, FloatWidget(0.0, 5000.0, step=0.01, round=EXACT)]
BetaShape = Annotated[float, FloatWidget(0.0, 50.0, step=0.01, round=EXACT)]


@node("BasicScheduler", category=_CATEGORY)
def basic_scheduler(
    *, model: Model, scheduler: SchedulerName, steps: Steps = 20, denoise: Denoise = 1.0
) -> Sigmas:
    """The levels that KSampler would walk."""
    return Sigmas(schedule_sigmas(scheduler, sigmas_of(model), steps, denoise))


@node("KarrasScheduler", category=_CATEGORY)
def karras_scheduler(
    *, steps: Steps = 20, sigma_max: SigmaMax = 14.614642, sigma_min: SigmaMin = 0.0291675, rho: Rho = 7.0
) -> Sigmas:
    """Levels that are even in their root of degree rho: the higher, the more of them are low."""
    _check_above_zero("rho", rho)
    return Sigmas(karras_between(sigma_max, sigma_min, steps, rho))


@node("ExponentialScheduler", category=_CATEGORY)
def exponential_scheduler(
    *, steps: Steps = 20, sigma_max: SigmaMax = 14.614642, sigma_min: SigmaMin = 0.0291675
) -> Sigmas:
    """Levels that are even in their logarithm."""
    return polyexponential_scheduler(steps=steps, sigma_max=sigma_max, sigma_min=sigma_min, rho=1.0)


@node("PolyexponentialScheduler", category=_CATEGORY)
def polyexponential_scheduler(
    *, steps: Steps = 20, sigma_max: SigmaMax = 14.614642, sigma_min: SigmaMin = 0.0291675, rho: Rho = 1.0
) -> Sigmas:
    """Levels whose logarithms fall with the power rho of the steps left."""
    _check_above_zero("sigma_max", sigma_max)
    _check_above_zero("sigma_min", sigma_min)
    return Sigmas(polyexponential_between(sigma_max, sigma_min, steps, rho))


@node("LaplaceScheduler", category=_CATEGORY)
def laplace_scheduler(
    *,
    steps: Steps = 20,
    sigma_max: SigmaMax = 14.614642,
    sigma_min: SigmaMin = 0.0291675,
    mu: Annotated[float, FloatWidget(-10.0, 10.0, step=0.1, round=EXACT)] = 0.0,
    beta: Annotated[float, FloatWidget(0.0, 10.0, step=0.1, round=EXACT)] = 0.5,
) -> Sigmas:
    """Levels that gather around the logarithm mu, the closer the smaller beta is. Does not end in 0."""
    return Sigmas(laplace_between(sigma_max, sigma_min, steps, mu, beta))


@node("VPScheduler", category=_CATEGORY)
def vp_scheduler(
    *,
    steps: Steps = 20,
    beta_d: BetaRange = 19.9,
    beta_min: BetaRange = 0.1,
    eps_s: Annotated[float, FloatWidget(0.0, 1.0, step=0.0001, round=EXACT)] = 0.001,
) -> Sigmas:
    """The levels of a variance-preserving process at even times, down to the time eps_s."""
    return Sigmas(vp(steps, beta_d, beta_min, eps_s))


@node("BetaSamplingScheduler", category=_CATEGORY)
def beta_sampling_scheduler(
    *, model: Model, steps: Steps = 20, alpha: BetaShape = 0.6, beta: BetaShape = 0.6
) -> Sigmas:
    """The model's levels at the quantiles of a beta distribution of this shape."""
    _check_above_zero("alpha", alpha)
    _check_above_zero("beta", beta)
    return Sigmas(beta_of(sigmas_of(model), steps, alpha, beta))


@node("SDTurboScheduler", category=_CATEGORY)
def sd_turbo_scheduler(
    *, model: Model, steps: Annotated[int, IntWidget(1, 10)] = 1, denoise: Denoise = 1.0
) -> Sigmas:
    """The few levels that SD Turbo was distilled at."""
    return Sigmas(sd_turbo(sigmas_of(model), steps, denoise))


@node("AlignYourStepsScheduler", category=_CATEGORY)
def align_your_steps_scheduler(
    *, model_type: Literal["SD1", "SDXL", "SVD"], steps: Steps = 10, denoise: Denoise = 1.0
) -> Sigmas:
    """The levels that were found best for few steps of a kind of model."""
    return Sigmas(align_your_steps(model_type, steps, denoise))


@node("ManualSigmas", category="_for_testing/custom_sampling")
def manual_sigmas(*, sigmas: Annotated[str, TextWidget()] = "1, 0.5") -> Sigmas:
    """The levels that are written down, with commas or spaces between them."""
    levels = [_read_level(word) for word in sigmas.replace(",", " ").split()]
    return Sigmas(torch.tensor(levels, dtype=torch.float32))


def _read_level(word: str) -> float:
    try:
        level = float(word)
    except ValueError:
        level = math.nan
    if not math.isfinite(level) or level < 0:
        raise BadInput(f"sigmas: {word!r} is no noise level; write numbers from 0 up, such as 1, 0.5, 0")
    return level


def _check_above_zero(name: str, value: float) -> None:
    if value <= 0:
        raise BadInput(f"{name} is {value}, and has to be above 0 for this schedule")
