"""DPM-Solver++ of the reverse stochastic equation (Lu et al. 2022, arXiv 2211.01095), in lambda."""

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from engine.sampling.denoiser import Denoiser, OnStep, ignore
from engine.sampling.process import Process
from engine.sampling.samplers.steps import ANCESTRAL, Stochastic, ancestral_levels


@dataclass(frozen=True)
class Singlestep(Stochastic):
    """r: where in the step, in lambda, the second estimate is made."""

    r: float = 0.5


@dataclass(frozen=True)
class TwoStep(Stochastic):
    """solver: how the last two estimates are extrapolated."""

    solver: Literal["midpoint", "heun"] = "midpoint"


SINGLESTEP, MIDPOINT = Singlestep(), TwoStep()


def dpmpp_sde(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    settings: Singlestep = SINGLESTEP,
) -> Tensor:
    """Two estimates a step, each part an ancestral one."""
    for step, (sigma, sigma_next) in enumerate(process.finite_steps(sigmas)):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        if sigma_next == 0:
            x = denoised
            continue
        start, end = process.lambda_at(sigma), process.lambda_at(sigma_next)
        middle = process.sigma_at(start + settings.r * (end - start))
        halfway = _ancestral_part(process, x, denoised, (sigma, middle), settings)
        share = 1 / (2 * settings.r)
        estimate = denoised * (1 - share) + denoiser(halfway, middle) * share
        x = _ancestral_part(process, x, estimate, (sigma, sigma_next), settings)
    return x


def _ancestral_part(
    process: Process, x: Tensor, denoised: Tensor, levels: tuple[float, float], settings: Stochastic
) -> Tensor:
    """From one level to another, noise shared out in x / alpha, where it is added noise."""
    sigma, sigma_next = levels
    alpha, alpha_next = process.alpha(sigma), process.alpha(sigma_next)
    down, up = ancestral_levels(sigma / alpha, sigma_next / alpha_next, settings.eta)
    ratio = down / (sigma / alpha)
    moved = x * (alpha_next / alpha * ratio) + denoised * (alpha_next * (1 - ratio))
    return moved + process.noise(sigma, sigma_next) * (alpha_next * up * settings.s_noise)


def dpmpp_2m_sde(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    settings: TwoStep = MIDPOINT,
) -> Tensor:
    """SDE-DPM-Solver++(2M): one estimate a step, extrapolated from the last."""
    previous: Tensor | None = None
    last_width = 0.0
    for step, (sigma, sigma_next) in enumerate(process.finite_steps(sigmas)):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        if sigma_next == 0:
            x = denoised
            continue
        width = process.lambda_at(sigma_next) - process.lambda_at(sigma)
        whole = width * (1 + settings.eta)
        alpha = process.alpha(sigma_next)
        x = _first_order(process, x, denoised, (sigma, sigma_next), settings)
        if previous is not None:
            is_heun = settings.solver == "heun"
            weight = 1 + math.expm1(-whole) / whole if is_heun else -math.expm1(-whole) / 2
            x = x + (denoised - previous) * (alpha * weight * width / last_width)
        x = _add_noise(process, x, (sigma, sigma_next), settings)
        previous, last_width = denoised, width
    return x


def dpmpp_3m_sde(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    settings: Stochastic = ANCESTRAL,
) -> Tensor:
    """SDE-DPM-Solver++(3M): divided differences of the last three estimates."""
    known: list[Tensor] = []
    widths: list[float] = []
    for step, (sigma, sigma_next) in enumerate(process.finite_steps(sigmas)):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        if sigma_next == 0:
            x = denoised
            continue
        width = process.lambda_at(sigma_next) - process.lambda_at(sigma)
        x = _first_order(process, x, denoised, (sigma, sigma_next), settings)
        whole = width * (1 + settings.eta)
        phi_2 = math.expm1(-whole) / whole + 1
        phi_3 = phi_2 / whole - 0.5
        first, second = _differences([denoised, *known], [last / width for last in widths])
        alpha = process.alpha(sigma_next)
        if first is not None:
            x = x + first * (alpha * phi_2)
        if second is not None:
            x = x - second * (alpha * phi_3)
        x = _add_noise(process, x, (sigma, sigma_next), settings)
        known, widths = [denoised, *known][:2], [width, *widths][:2]
    return x


def _differences(known: list[Tensor], ratios: list[float]) -> tuple[Tensor | None, Tensor | None]:
    """First and second derivative in units of the step, as far as there are estimates, the newest first."""
    if len(known) == 1:
        return None, None
    newer = (known[0] - known[1]) / ratios[0]
    if len(known) == 2:
        return newer, None
    older = (known[1] - known[2]) / ratios[1]
    second = (newer - older) / (ratios[0] + ratios[1])
    return newer + second * ratios[0], second


def _first_order(
    process: Process, x: Tensor, denoised: Tensor, levels: tuple[float, float], settings: Stochastic
) -> Tensor:
    sigma, sigma_next = levels
    width = process.lambda_at(sigma_next) - process.lambda_at(sigma)
    kept = sigma_next / sigma * math.exp(-width * settings.eta)
    return x * kept - denoised * (process.alpha(sigma_next) * math.expm1(-width * (1 + settings.eta)))


def _add_noise(process: Process, x: Tensor, levels: tuple[float, float], settings: Stochastic) -> Tensor:
    sigma, sigma_next = levels
    if settings.eta == 0 or settings.s_noise == 0:
        return x
    width = process.lambda_at(sigma_next) - process.lambda_at(sigma)
    fresh = max(-math.expm1(-2 * width * settings.eta), 0.0) ** 0.5
    return x + process.noise(sigma, sigma_next) * (sigma_next * fresh * settings.s_noise)
