"""UniPC (Zhao et al. 2023, arXiv 2302.04867): a predictor and a corrector of any order, one estimate a step.

Written in the variables of a variance-preserving process, y = x / sqrt(1 + sigma^2), for every network.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from engine.sampling.denoiser import Denoiser, OnStep, ignore
from engine.sampling.process import Process

MAX_ORDER = 3
# Stands in for a final 0, whose lambda would be infinite.
LAST_SIGMA = 0.001


@dataclass(frozen=True)
class _Update:
    """One update from the newest estimate's level to another. known: (sigma, estimate), the newest first."""

    known: Sequence[tuple[float, Tensor]]
    sigma_next: float
    is_bh2: bool

    @property
    def width(self) -> float:
        return math.log(self.known[0][0] / self.sigma_next)

    @property
    def alpha(self) -> float:
        return (1 + self.sigma_next**2) ** -0.5

    def base(self, y: Tensor) -> Tensor:
        """The first-order step."""
        sigma, newest = self.known[0]
        ratio = self.alpha * self.sigma_next * (1 + sigma**2) ** 0.5 / sigma
        return y * ratio - newest * (self.alpha * math.expm1(-self.width))

    def differences(self, order: int) -> list[Tensor]:
        """Slopes from the newest estimate to older ones, in units of the step."""
        (sigma, newest), *older = self.known
        return [
            (estimate - newest) / (math.log(sigma / level) / self.width)
            for level, estimate in older[: order - 1]
        ]

    def weights(self, order: int, count: int) -> list[float]:
        """rho of the first `count` equations; times B, which differs between the two variants."""
        if count == 1:
            return [0.5]
        exponent = -self.width
        scale = math.expm1(exponent) if self.is_bh2 else exponent
        (sigma, _), *older = self.known
        places = [math.log(sigma / level) / self.width for level, _ in older[: order - 1]] + [1.0]
        rows = np.vander(places, increasing=True).T[:count, :count]
        remainder, factorial, right = math.expm1(exponent) / exponent - 1, 1.0, list[float]()
        for power in range(1, order + 1):
            right.append(remainder * factorial / scale)
            factorial *= power + 1
            remainder = remainder / exponent - 1 / factorial
        return [float(weight) for weight in np.linalg.solve(rows, np.array(right[:count]))]

    def move(self, base: Tensor, slopes: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        exponent = -self.width
        scale = self.alpha * (math.expm1(exponent) if self.is_bh2 else exponent)
        for slope, weight in zip(slopes, weights, strict=True):
            base = base - slope * (scale * weight)
        return base


def uni_pc(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    is_bh2: bool = False,
) -> Tensor:
    """UniPC of order 3, lower at both ends; is_bh2: B(h) = e^h - 1 instead of h."""
    levels: list[float] = sigmas.tolist()
    ends_in_zero = levels[-1] == 0
    if ends_in_zero:
        levels[-1] = LAST_SIGMA
    count = len(levels) - 1
    most = max(min(MAX_ORDER, count - 1), 1)
    y = x / (1 + levels[0] ** 2) ** 0.5
    known = [(levels[0], denoiser(x, levels[0]))]
    on_step(0, known[0][1])
    for step in range(1, count):
        order = min(most, step, count + 1 - step)
        update = _Update(known, levels[step], is_bh2)
        base, slopes = update.base(y), update.differences(order)
        predicted = update.move(base, slopes, update.weights(order, order - 1) if slopes else [])
        estimate = denoiser(predicted * (1 + levels[step] ** 2) ** 0.5, levels[step])
        on_step(step, estimate)
        slopes = [*slopes, estimate - known[0][1]]
        y = update.move(base, slopes, update.weights(order, order))
        known = [(levels[step], estimate), *known][:MAX_ORDER]
    y = _Update(known, levels[-1], is_bh2).base(y)
    x = y * (1 + levels[-1] ** 2) ** 0.5
    return x / process.alpha(LAST_SIGMA) if ends_in_zero else x
