"""Linear multistep methods: each step follows a weighted sum of the last directions."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from torch import Tensor

from engine.sampling.denoiser import Denoiser, OnStep, ignore
from engine.sampling.process import Process
from engine.sampling.samplers.steps import direction

# From the levels and the number of the step to the weights of its directions, the newest first.
Weigh = Callable[[Sequence[float], int], Sequence[float]]
Floats = npt.NDArray[np.float64]

LMS_ORDER = 4
# Adams and Bashforth's weights for steps of equal width, the newest direction first.
IPNDM_WEIGHTS = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))
DEIS_ORDER, DEIS_POINTS = 3, 10_000
# The noising in which DEIS counts time: linear beta between these levels, from this time on.
DEIS_SIGMA_MIN, DEIS_SIGMA_MAX, DEIS_EPS = 0.002, 80.0, 1e-3


def lms(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    order: int = LMS_ORDER,
) -> Tensor:
    """Adams-Bashforth in sigma, its weights integrated over the levels at hand."""

    def weigh(levels: Sequence[float], step: int) -> Sequence[float]:
        known = levels[max(step - order + 1, 0) : step + 1][::-1]
        return integrate_lagrange(known, levels[step], levels[step + 1])

    return _follow(denoiser, x, sigmas, on_step, weigh)


def ipndm(
    denoiser: Denoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore
) -> Tensor:
    """Improved PNDM (Liu et al. 2022, arXiv 2202.09778; Zhang and Chen 2022): fixed weights."""

    def weigh(levels: Sequence[float], step: int) -> Sequence[float]:
        width = levels[step + 1] - levels[step]
        return [weight * width for weight in IPNDM_WEIGHTS[min(step, 3)]]

    return _follow(denoiser, x, sigmas, on_step, weigh)


def ipndm_v(
    denoiser: Denoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore
) -> Tensor:
    """Improved PNDM with weights for steps of unequal width."""
    return _follow(denoiser, x, sigmas, on_step, _weigh_unequal)


def deis(denoiser: Denoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore) -> Tensor:
    """DEIS (Zhang and Chen 2022, arXiv 2204.13902), tAB: Adams-Bashforth in the time of a linear beta."""
    return _follow(denoiser, x, sigmas, on_step, _weigh_deis)


def _follow(denoiser: Denoiser, x: Tensor, sigmas: Tensor, on_step: OnStep, weigh: Weigh) -> Tensor:
    levels: list[float] = sigmas.tolist()
    directions: list[Tensor] = []
    for step, (sigma, sigma_next) in enumerate(pairwise(levels)):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        if sigma_next == 0:
            x = denoised
            continue
        weights = weigh(levels, step)
        directions = [direction(x, denoised, sigma), *directions][: len(weights)]
        for weight, known in zip(weights, directions, strict=True):
            x = x + known * weight
    return x


def integrate_lagrange(known: Sequence[float], start: float, end: float) -> list[float]:
    """For each place in `known`, the integral over [start, end] of the polynomial that is 1 there and 0 at
    the others.
    """
    # n points are exact to degree 2n - 1.
    points, weights = np.polynomial.legendre.leggauss(len(known) // 2 + 1)
    places = start + (points + 1) / 2 * (end - start)
    half = (end - start) / 2
    return [float((weights * _lagrange(known, j, places)).sum() * half) for j in range(len(known))]


def _lagrange(known: Sequence[float], chosen: int, places: Floats) -> Floats:
    """The polynomial that is 1 at known[chosen] and 0 at the others."""
    factors = [(places - other) / (known[chosen] - other) for k, other in enumerate(known) if k != chosen]
    return np.prod(factors, axis=0) if factors else np.ones_like(places)


def _weigh_unequal(levels: Sequence[float], step: int) -> Sequence[float]:
    """The weights of up to four directions, h0 being the width of the step and h1 to h3 those before it."""
    h0, h1, h2, h3 = (levels[i + 1] - levels[i] if i >= 0 else math.inf for i in range(step, step - 4, -1))
    if step == 0:
        return [h0]
    second = h0 / h1 / 2
    if step == 1:
        return [h0 * (1 + second), -h0 * second]
    third = (1 - h0 / (3 * (h0 + h1)) * (h0 * (h0 + h1)) / (h1 * (h1 + h2))) / 2
    back = h1 / h2
    if step == 2:
        return [h0 * (1 + second + third), -h0 * (second + (1 + back) * third), h0 * third * back]
    reach = h1 * (h1 + h2) / (h2 * (h2 + h3))
    bent = (1 - h0 / (3 * (h0 + h1))) / 2 + (1 - h0 / (2 * (h0 + h1))) * h0 / (6 * (h0 + h1 + h2))
    fourth = bent * (h0 * (h0 + h1) * (h0 + h1 + h2)) / (h1 * (h1 + h2) * (h1 + h2 + h3))
    return [
        h0 * (1 + second + third + fourth),
        -h0 * (second + (1 + back) * third + (1 + back + reach) * fourth),
        h0 * (third * back + (back + reach * (1 + h2 / h3)) * fourth),
        -h0 * fourth * reach * back,
    ]


def _deis_betas() -> tuple[float, float]:
    """(slope, start) of the linear beta whose noise runs from DEIS_SIGMA_MIN to DEIS_SIGMA_MAX."""
    low, high = math.log(DEIS_SIGMA_MIN**2 + 1), math.log(DEIS_SIGMA_MAX**2 + 1)
    slope = 2 * (low / DEIS_EPS - high) / (DEIS_EPS - 1)
    return slope, high - slope / 2


def _deis_time(sigma: float, slope: float, start: float) -> float:
    return ((start**2 + 2 * slope * math.log(sigma**2 + 1)) ** 0.5 - start) / slope


def _deis_rate(times: Floats, slope: float, start: float) -> Floats:
    """How fast sigma, per unit of signal, grows with time."""
    alphas = np.exp(-(times**2) * slope / 2 - times * start)
    return 0.5 * (times * slope + start) / np.sqrt(alphas * (1 - alphas))


def _weigh_deis(levels: Sequence[float], step: int) -> Sequence[float]:
    if step == 0:
        return [levels[1] - levels[0]]
    slope, start = _deis_betas()
    time_of = partial(_deis_time, slope=slope, start=start)
    known = [time_of(levels[i]) for i in range(step, max(step - DEIS_ORDER, -1), -1)]
    end = time_of(levels[step + 1])
    times = np.linspace(known[0], end, DEIS_POINTS)
    rate = _deis_rate(times, slope, start)
    # A plain mean, as DEIS's released tables were made with: its error is part of the picture.
    return [float((rate * _lagrange(known, j, times)).mean() * (end - known[0])) for j in range(len(known))]
