"""A sampler that makes the picture larger on its way."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from torch import Tensor

from engine.sampling.denoiser import Denoiser, OnStep, ignore
from engine.sampling.process import Process


@dataclass(frozen=True)
class Upscaling:
    """ratio: of the last size to the first.  steps: over how many it is reached, None for half of them.

    scale: brings pictures (B, C, H, W) to a width and height.
    """

    ratio: float
    steps: int | None
    scale: Callable[[Tensor, int, int], Tensor]


def lcm_upscale(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    *,
    settings: Upscaling,
) -> Tensor:
    """Multistep consistency sampling (Luo et al. 2023, arXiv 2310.04378, algorithm 3) that scales what it
    expects before it adds noise, by equal amounts a step.
    """
    height, width = x.shape[-2:]
    steps = max(len(sigmas) // 2, 1) if settings.steps is None else min(settings.steps, len(sigmas))
    ratios = np.linspace(1.0, settings.ratio, steps + 1)[1:].tolist()
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        x = denoiser(x, sigma)
        on_step(step, x)
        if step < len(ratios):
            x = settings.scale(x, round(width * ratios[step]), round(height * ratios[step]))
        if sigma_next > 0:
            x = process.mix(x, process.noise(sigma, sigma_next, x), sigma_next)
    return x
