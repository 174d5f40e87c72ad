"""Exponential integrators of data prediction: the linear part of a step is solved exactly in -ln sigma."""

import math
from itertools import pairwise

from torch import Tensor

from engine.sampling.denoiser import Denoiser, GuidedDenoiser, OnStep, ignore
from engine.sampling.process import Process
from engine.sampling.samplers.steps import (
    ANCESTRAL,
    DETERMINISTIC,
    Stochastic,
    ancestral_levels,
    descend,
    direction,
    step_to,
)

# Where the middle of a flow's first step lies, which in the logit would be at minus infinity.
FIRST_MIDDLE = 0.9999


def dpmpp_2m(
    denoiser: Denoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore
) -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095, algorithm 2), data prediction."""
    previous: Tensor | None = None
    last_width = 0.0
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        if sigma_next == 0:
            # The width of this step is infinite, and what is left is the estimate itself.
            return denoised
        width = math.log(sigma / sigma_next)
        estimate = denoised
        if previous is not None:
            estimate = denoised + (denoised - previous) * (width / (2 * last_width))
        x = step_to(x, estimate, sigma_next / sigma)
        previous, last_width = denoised, width
    return x


def dpmpp_2m_cfg_pp(
    denoiser: GuidedDenoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore
) -> Tensor:
    """DPM-Solver++(2M) that puts the unconditional noise back, as in CFG++."""
    previous: Tensor | None = None
    last_width = 0.0
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised, unconditional = denoiser.with_unconditional(x, sigma)
        on_step(step, denoised)
        ratio = sigma_next / sigma
        x = denoised + (x - unconditional) * ratio
        if sigma_next == 0:
            continue
        width = math.log(sigma / sigma_next)
        if previous is not None:
            x = x + (denoised - previous) * ((1 - ratio) * width / (2 * last_width))
        previous, last_width = unconditional, width
    return x


def dpmpp_2s_ancestral(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    settings: Stochastic = ANCESTRAL,
) -> Tensor:
    """DPM-Solver++(2S) (Lu et al. 2022, algorithm 1) to below the next level, then fresh noise up to it."""
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        descent = descend(process, sigma, sigma_next, settings.eta)
        if descent.down == 0:
            x = denoised
        else:
            middle = _middle(process, sigma, descent.down)
            halfway = step_to(x, denoised, middle / sigma)
            x = step_to(x, denoiser(halfway, middle), descent.down / sigma)
        if sigma_next > 0:
            x = x * descent.keep + process.noise(sigma, sigma_next) * (descent.up * settings.s_noise)
    return x


def dpmpp_2s_ancestral_cfg_pp(
    denoiser: GuidedDenoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore
) -> Tensor:
    """DPM-Solver++(2S) that puts the unconditional noise back; noise is added as if on no flow.

    The second half of a step puts back the noise of the middle's estimate, not of the start's: pictures are
    what people know them as, though a little smoother than the data even without a prompt.
    """
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised, unconditional = denoiser.with_unconditional(x, sigma)
        on_step(step, denoised)
        down, up = ancestral_levels(sigma, sigma_next)
        if down == 0:
            x = denoised
        else:
            middle = (sigma * down) ** 0.5
            halfway = step_to(x + denoised - unconditional, denoised, middle / sigma)
            estimate, without = denoiser.with_unconditional(halfway, middle)
            x = step_to(x + denoised - without, estimate, down / sigma)
        if sigma_next > 0:
            x = x + process.noise(sigma, sigma_next) * up
    return x


def res_multistep(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    settings: Stochastic = DETERMINISTIC,
) -> Tensor:
    """RES (Zhang et al. 2023, arXiv 2308.02157), multistep of second order."""
    previous: Tensor | None = None
    last_sigma = last_down = 0.0
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        down, up = ancestral_levels(sigma, sigma_next, settings.eta)
        if down == 0 or previous is None:
            x = step_to(x, denoised, down / sigma)
        else:
            weights = _res_weights(sigma, down, last_sigma, last_down)
            x = x * (down / sigma) + denoised * weights[0] + previous * weights[1]
        if up > 0:
            x = x + process.noise(sigma, sigma_next) * up
        previous, last_sigma, last_down = denoised, sigma, down
    return x


def res_multistep_cfg_pp(
    denoiser: GuidedDenoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    settings: Stochastic = DETERMINISTIC,
) -> Tensor:
    """RES that extrapolates the unconditional estimate and steps as CFG++ does."""
    previous: Tensor | None = None
    last_sigma = last_down = 0.0
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised, unconditional = denoiser.with_unconditional(x, sigma)
        on_step(step, denoised)
        down, up = ancestral_levels(sigma, sigma_next, settings.eta)
        if down == 0 or previous is None:
            x = denoised + direction(x, unconditional, sigma) * down
        else:
            weights = _res_weights(sigma, down, last_sigma, last_down)
            moved = x + denoised - unconditional
            x = moved * (down / sigma) + unconditional * weights[0] + previous * weights[1]
        if up > 0:
            x = x + process.noise(sigma, sigma_next) * up
        previous, last_sigma, last_down = unconditional, sigma, down
    return x


def _res_weights(sigma: float, down: float, last_sigma: float, last_down: float) -> tuple[float, float]:
    """Of this estimate and the last one: phi functions of the step's width in -ln sigma."""
    width = math.log(sigma / down)
    node = math.log(last_down / last_sigma) / width
    phi_1 = -math.expm1(-width) / width
    phi_2 = (1 - phi_1) / width
    if node == 0:
        return width * phi_1, 0.0
    return width * (phi_1 - phi_2 / node), width * phi_2 / node


def _middle(process: Process, sigma: float, down: float) -> float:
    """The level half-way in lambda."""
    if process.is_flow and sigma == 1:
        return FIRST_MIDDLE
    return process.sigma_at((process.lambda_at(sigma) + process.lambda_at(down)) / 2)
