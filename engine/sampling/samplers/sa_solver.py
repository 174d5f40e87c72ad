"""SA-Solver (Xue et al. 2023, arXiv 2309.05019): stochastic Adams methods, predictor and corrector."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from torch import Tensor

from engine.sampling.denoiser import Denoiser, OnStep, ignore
from engine.sampling.process import Process

# Enough points for the steepest weight: exponents up to (1 + 10^2) times a step across all levels.
QUADRATURE_POINTS = 64

# Points in [-1, 1] and their weights.
Quadrature = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


@dataclass(frozen=True)
class StochasticAdams:
    """tau: the noise's amount at levels from `noisy_from` down to `noisy_to`; 0 elsewhere.

    None for the levels: at 0.2 and 0.8 of the way.  evaluates_twice: the corrected state is estimated again.
    is_simple_2: the paper's shorter coefficients where the order is 2.
    """

    tau: float = 1.0
    s_noise: float = 1.0
    noisy_from: float | None = None
    noisy_to: float | None = None
    predictor_order: int = 3
    corrector_order: int = 4
    evaluates_twice: bool = False
    is_simple_2: bool = False


SA_SOLVER = StochasticAdams()
SA_SOLVER_PECE = StochasticAdams(evaluates_twice=True)
DEFAULT_PERCENTS = 0.2, 0.8
EDGE = 1e-6


@dataclass(frozen=True)
class _Interval:
    """From one level to another under an amount of noise."""

    process: Process
    sigma: float
    sigma_next: float
    tau: float
    quadrature: Quadrature

    @property
    def ends(self) -> tuple[float, float]:
        return self.process.lambda_at(self.sigma), self.process.lambda_at(self.sigma_next)

    def cross(self, x: Tensor, known: Sequence[tuple[float, Tensor]], weights: Sequence[float]) -> Tensor:
        """x at the end: what is left of it, and the weighted estimates."""
        start, end = self.ends
        x = x * (self.sigma_next / self.sigma * math.exp(-(self.tau**2) * (end - start)))
        for weight, (_, denoised) in zip(weights, known, strict=True):
            x = x + denoised * weight
        return x

    def weigh(self, places: Sequence[float]) -> list[float]:
        """Of estimates at these lambdas: integrals of exp((1 + tau^2) (u - end)) times their polynomials."""
        start, end = self.ends
        rate = 1 + self.tau**2
        points, gauss = self.quadrature
        inside = start + (points + 1) / 2 * (end - start)
        kernel = gauss * (end - start) / 2 * rate * np.exp(rate * (inside - end))
        alpha = self.process.alpha(self.sigma_next)
        weights: list[float] = []
        for j, place in enumerate(places):
            others = [other for k, other in enumerate(places) if k != j]
            polynomial = np.prod([(inside - other) / (place - other) for other in others], axis=0)
            weights.append(alpha * float((kernel * polynomial).sum()))
        return weights

    def weigh_simply(self, places: Sequence[float], *, is_corrector: bool) -> list[float]:
        """The paper's appendix D: of two estimates, the older first."""
        start, end = self.ends
        width, rate = end - start, 1 + self.tau**2
        alpha = self.process.alpha(self.sigma_next)
        whole = -math.expm1(-rate * width)
        if is_corrector:
            newer = rate * width / 2
            return [alpha * (whole - newer), alpha * newer]
        older = rate * width**2 / 2 / (places[0] - start)
        return [alpha * older, alpha * (whole - older)]


def sa_solver(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    settings: StochasticAdams = SA_SOLVER,
) -> Tensor:
    """Predicts a level, estimates there, corrects the step that led there, and goes on."""
    settings = _with_levels(settings, process)
    quadrature = np.polynomial.legendre.leggauss(QUADRATURE_POINTS)
    steps = process.finite_steps(sigmas)
    known: list[tuple[float, Tensor]] = []
    predicted, noise = x, None
    last: _Interval | None = None
    for step, (sigma, sigma_next) in enumerate(steps):
        denoised = denoiser(predicted, sigma)
        on_step(step, denoised)
        room = max(settings.predictor_order, settings.corrector_order)
        known = [*known, (process.lambda_at(sigma), denoised)][-room:]
        order = _corrector_order(settings, step, steps, len(known))
        if last is None or order == 0:
            x = predicted
        else:
            x = last.cross(x, known[-order:], _weights(settings, last, known[-order:], is_corrector=True))
            x = x if noise is None else x + noise
            if settings.evaluates_twice:
                known[-1] = known[-1][0], denoiser(x, sigma)
        if sigma_next == 0:
            predicted = x = known[-1][1]
            continue
        last = _Interval(process, sigma, sigma_next, _tau(settings, sigma_next), quadrature)
        order = _predictor_order(settings, step, steps, len(known))
        predicted = last.cross(
            x, known[-order:], _weights(settings, last, known[-order:], is_corrector=False)
        )
        noise = _draw(process, last, settings)
        predicted = predicted if noise is None else predicted + noise
    return predicted


def _weights(
    settings: StochasticAdams,
    interval: _Interval,
    known: Sequence[tuple[float, Tensor]],
    *,
    is_corrector: bool,
) -> list[float]:
    places = [place for place, _ in known]
    if settings.is_simple_2 and len(places) == 2:
        return interval.weigh_simply(places, is_corrector=is_corrector)
    return interval.weigh(places)


def _draw(process: Process, interval: _Interval, settings: StochasticAdams) -> Tensor | None:
    """The noise of an interval, None where there is none."""
    if interval.tau == 0 or settings.s_noise == 0:
        return None
    start, end = interval.ends
    fresh = (-math.expm1(-2 * interval.tau**2 * (end - start))) ** 0.5
    drawn = process.noise(interval.sigma, interval.sigma_next)
    return drawn * (interval.sigma_next * fresh * settings.s_noise)


def _with_levels(settings: StochasticAdams, process: Process) -> StochasticAdams:
    if settings.noisy_from is not None:
        return settings
    start, end = (process.sigmas.sigma_at_percent(percent) for percent in DEFAULT_PERCENTS)
    return replace(settings, noisy_from=start, noisy_to=end)


def _tau(settings: StochasticAdams, sigma: float) -> float:
    start, end = settings.noisy_from, settings.noisy_to
    if start is None or end is None:
        return 0.0
    # A schedule often has a level just there, which rounding must not push over the edge.
    return settings.tau if start * (1 + EDGE) >= sigma >= end * (1 - EDGE) else 0.0


def _predictor_order(
    settings: StochasticAdams, step: int, steps: Sequence[tuple[float, float]], count: int
) -> int:
    """Lower at the beginning, for want of estimates, and before a final 0."""
    order = min(settings.predictor_order, count)
    return min(order, len(steps) - 1 - step) if steps[-1][1] == 0 else order


def _corrector_order(
    settings: StochasticAdams, step: int, steps: Sequence[tuple[float, float]], count: int
) -> int:
    """0: the predicted state stands."""
    if step == 0 or (steps[step][1] == 0 and not settings.evaluates_twice):
        return 0
    order = min(settings.corrector_order, count)
    return min(order, len(steps) - step) if steps[-1][1] == 0 else order
