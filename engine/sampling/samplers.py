"""Ways to walk down a schedule. All take x (B, C, H, W) at sigmas[0] and return it at the last sigma.

Written with the probability-flow direction d = (x - denoised) / sigma of Karras et al. 2022.
"""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise

from torch import Tensor

from engine.sampling.denoiser import Denoiser, OnStep, ignore
from engine.sampling.noise import NoiseSource

Sampler = Callable[[Denoiser, Tensor, Tensor, NoiseSource, OnStep], Tensor]


def euler(
    denoiser: Denoiser, x: Tensor, sigmas: Tensor, noise: NoiseSource, on_step: OnStep = ignore
) -> Tensor:
    """First order (Karras et al. 2022, algorithm 1 without the correction); DDIM in these variables. No
    noise.
    """
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        x = denoised + (x - denoised) * (sigma_next / sigma)
    return x


def euler_ancestral(
    denoiser: Denoiser, x: Tensor, sigmas: Tensor, noise: NoiseSource, on_step: OnStep = ignore
) -> Tensor:
    """Euler to below the next level, then fresh noise up to it, as DDPM's ancestral sampling does."""
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        down, up = ancestral_levels(sigma, sigma_next)
        x = denoised + (x - denoised) * (down / sigma)
        if up > 0:
            x = x + noise() * up
    return x


def dpmpp_2m(
    denoiser: Denoiser, x: Tensor, sigmas: Tensor, noise: NoiseSource, on_step: OnStep = ignore
) -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095, algorithm 2), data prediction. No noise."""
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
        x = estimate + (x - estimate) * (sigma_next / sigma)
        previous, last_width = denoised, width
    return x


def ancestral_levels(sigma: float, sigma_next: float) -> tuple[float, float]:
    """(down, up): step to `down`, then add noise of `up`; together they give sigma_next's variance."""
    up = min(sigma_next, (sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2) ** 0.5)
    return (sigma_next**2 - up**2) ** 0.5, up


SAMPLERS: Mapping[str, Sampler] = {
    "euler": euler,
    "euler_ancestral": euler_ancestral,
    "dpmpp_2m": dpmpp_2m,
    "ddim": euler,
}
