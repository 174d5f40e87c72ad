"""Second-order steps with estimates inside the step."""

from itertools import pairwise

from torch import Tensor

from engine.sampling.denoiser import Denoiser, OnStep, ignore
from engine.sampling.process import Process
from engine.sampling.samplers.steps import descend, direction, step_to


def heun(denoiser: Denoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore) -> Tensor:
    """Heun's method (Karras et al. 2022, algorithm 1)."""
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        # The last sigma is 0: the correction would divide by it, so the final step is Euler's.
        if sigma_next == 0:
            x = denoised
            continue
        there = step_to(x, denoised, sigma_next / sigma)
        first = direction(x, denoised, sigma)
        second = direction(there, denoiser(there, sigma_next), sigma_next)
        x = x + (first + second) * ((sigma_next - sigma) / 2)
    return x


def heunpp2(
    denoiser: Denoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore
) -> Tensor:
    """Heun++ (Wang et al. 2024, arXiv 2311.14768): looks one or two levels ahead, and weighs what it sees by
    their share in the first level. Near the end it is Heun's, then Euler's.
    """
    levels: list[float] = sigmas.tolist()
    for step, (sigma, sigma_next) in enumerate(pairwise(levels)):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        if sigma_next == levels[-1]:
            x = step_to(x, denoised, sigma_next / sigma)
            continue
        first = direction(x, denoised, sigma)
        there = x + first * (sigma_next - sigma)
        second = direction(there, denoiser(there, sigma_next), sigma_next)
        after = levels[step + 2]
        if after == levels[-1]:
            share = sigma_next / (2 * levels[0])
            slope = first * (1 - share) + second * share
        else:
            beyond = there + second * (after - sigma_next)
            third = direction(beyond, denoiser(beyond, after), after)
            shares = sigma_next / (3 * levels[0]), after / (3 * levels[0])
            slope = first * (1 - sum(shares)) + second * shares[0] + third * shares[1]
        x = x + slope * (sigma_next - sigma)
    return x


def dpm_2(
    denoiser: Denoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore
) -> Tensor:
    """DPM-Solver-2 (Lu et al. 2022, arXiv 2206.00927, algorithm 1): a midpoint in the logarithm."""
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        x = _midpoint_step(denoiser, x, denoised, sigma, sigma_next)
    return x


def dpm_2_ancestral(
    denoiser: Denoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore
) -> Tensor:
    """DPM-Solver-2 to below the next level, then fresh noise up to it."""
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        descent = descend(process, sigma, sigma_next)
        x = _midpoint_step(denoiser, x, denoised, sigma, descent.down)
        if descent.down != 0:
            x = x * descent.keep + process.noise(sigma, sigma_next) * descent.up
    return x


def _midpoint_step(denoiser: Denoiser, x: Tensor, denoised: Tensor, sigma: float, target: float) -> Tensor:
    """From `sigma` to `target`, along the direction half-way between their logarithms."""
    if target == 0:
        return denoised
    middle = (sigma * target) ** 0.5
    halfway = step_to(x, denoised, middle / sigma)
    return x + direction(halfway, denoiser(halfway, middle), middle) * (target - sigma)
