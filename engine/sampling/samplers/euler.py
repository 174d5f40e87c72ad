"""One estimate a step."""

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

# How far the estimate is moved against its last change (Permenter and Yuan 2023).
GRADIENT_GAMMA = 2.0


def euler(
    denoiser: Denoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore
) -> Tensor:
    """First order (Karras et al. 2022, algorithm 1 without the correction); DDIM in these variables."""
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        x = step_to(x, denoised, sigma_next / sigma)
    return x


def euler_ancestral(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    settings: Stochastic = ANCESTRAL,
) -> Tensor:
    """Euler to below the next level, then fresh noise up to it, as DDPM's ancestral sampling does."""
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        descent = descend(process, sigma, sigma_next, settings.eta)
        x = step_to(x, denoised, descent.down / sigma)
        if descent.down != 0:
            x = x * descent.keep + process.noise(sigma, sigma_next) * (descent.up * settings.s_noise)
    return x


def euler_ancestral_cfg_pp(
    denoiser: GuidedDenoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    settings: Stochastic = ANCESTRAL,
) -> Tensor:
    """CFG++ (Chung et al. 2024, arXiv 2406.08070): the noise of the estimate without the prompt is put back.

    Noise is added in x / alpha, where every process is one of added noise.
    """
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised, unconditional = denoiser.with_unconditional(x, sigma)
        on_step(step, denoised)
        if sigma_next == 0:
            x = denoised
            continue
        alpha, alpha_next = process.alpha(sigma), process.alpha(sigma_next)
        added = sigma / alpha if alpha > 0 else float("inf")
        down, up = ancestral_levels(added, sigma_next / alpha_next, settings.eta)
        noise_there = direction(x, unconditional * alpha, sigma)
        x = denoised * alpha_next + noise_there * (down * alpha_next)
        if up > 0:
            x = x + process.noise(sigma, sigma_next) * (up * alpha_next * settings.s_noise)
    return x


def euler_cfg_pp(
    denoiser: GuidedDenoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore
) -> Tensor:
    """CFG++ without fresh noise: DDIM that puts the unconditional noise back."""
    return euler_ancestral_cfg_pp(denoiser, x, sigmas, process, on_step, DETERMINISTIC)


def euler_away_from_unconditional(
    denoiser: GuidedDenoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore
) -> Tensor:
    """Euler towards the guided estimate, and as far away from the unconditional one as that is from it."""
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised, unconditional = denoiser.with_unconditional(x, sigma)
        on_step(step, denoised)
        x = x + direction(x - denoised + unconditional, denoised, sigma) * (sigma_next - sigma)
    return x


def gradient_estimation(
    denoiser: Denoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore
) -> Tensor:
    """Euler along a direction that is extrapolated from the last one (Permenter and Yuan 2023, arXiv
    2306.04848).
    """
    previous: Tensor | None = None
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        now = direction(x, denoised, sigma)
        x = step_to(x, denoised, sigma_next / sigma)
        if previous is not None and sigma_next > 0:
            x = x + (now - previous) * ((GRADIENT_GAMMA - 1) * (sigma_next - sigma))
        previous = now
    return x


def gradient_estimation_cfg_pp(
    denoiser: GuidedDenoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore
) -> Tensor:
    """The same, with the unconditional noise put back as in CFG++."""
    previous: Tensor | None = None
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised, unconditional = denoiser.with_unconditional(x, sigma)
        on_step(step, denoised)
        now = direction(x, unconditional, sigma)
        x = denoised + now * sigma_next
        if previous is not None and sigma_next > 0:
            x = x + (now - previous) * ((GRADIENT_GAMMA - 1) * (sigma_next - sigma))
        previous = now
    return x


def ddpm(denoiser: Denoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore) -> Tensor:
    """The posterior of DDPM (Ho et al. 2020, arXiv 2006.11239, eq. 7), x being scaled to its variance."""
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        # Cumulative alphas, whose ratio is the step's own alpha.
        here, there = 1 / (1 + sigma**2), 1 / (1 + sigma_next**2)
        alpha = here / there
        share = (1 - alpha) / (1 - here) ** 0.5
        mean = (x * here**0.5 - direction(x, denoised, sigma) * share) / alpha**0.5
        x = mean / there**0.5
        if sigma_next > 0:
            spread = ((1 - alpha) * (1 - there) / (1 - here)) ** 0.5
            x = x + process.noise(sigma, sigma_next) * (spread / there**0.5)
    return x


def lcm(denoiser: Denoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore) -> Tensor:
    """Multistep consistency sampling (Luo et al. 2023, arXiv 2310.04378, algorithm 3): all noise is fresh."""
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        x = denoiser(x, sigma)
        on_step(step, x)
        if sigma_next > 0:
            x = process.mix(x, process.noise(sigma, sigma_next), sigma_next)
    return x
