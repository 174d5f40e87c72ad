"""SEEDS (Gonzalez et al. 2023, arXiv 2305.14267): stochastic exponential Runge-Kutta of data prediction.

The parts of a step share their noise: what was drawn for the first part stays in the later ones.
"""

import math
from dataclasses import dataclass

from torch import Tensor

from engine.sampling.denoiser import Denoiser, OnStep, ignore
from engine.sampling.process import Process
from engine.sampling.samplers.steps import ANCESTRAL, Stochastic

# Where in the step, in lambda, the two inner estimates of seeds_3 are made.
R1, R2 = 1 / 3, 2 / 3


@dataclass(frozen=True)
class TwoStage(Stochastic):
    """r: where in the step, in lambda, the second estimate is made.  is_phi_2: weights of second order."""

    r: float = 0.5
    is_phi_2: bool = False


TWO_STAGE = TwoStage()
EXPONENTIAL_HEUN = TwoStage(eta=0.0, s_noise=0.0, r=1.0, is_phi_2=True)
EXPONENTIAL_HEUN_SDE = TwoStage(r=1.0, is_phi_2=True)


@dataclass(frozen=True)
class _Step:
    """One step, seen from its start. Parts are told by their end, a share of the step in lambda."""

    process: Process
    sigma: float
    sigma_next: float
    settings: Stochastic

    @property
    def width(self) -> float:
        return self.process.lambda_at(self.sigma_next) - self.process.lambda_at(self.sigma)

    def level(self, share: float) -> float:
        """The level at a share of the step; 1 is its very end."""
        if share == 1:
            return self.sigma_next
        return self.process.sigma_at(self.process.lambda_at(self.sigma) + share * self.width)

    def exponent(self, share: float) -> float:
        """-share of the width, as the estimate's weights see it."""
        return -share * self.width * (1 + self.settings.eta)

    def keep(self, x: Tensor, share: float) -> Tensor:
        """What of x is left at that share."""
        return x * (self.level(share) / self.sigma * math.exp(-share * self.width * self.settings.eta))

    def extend(self, noise: Tensor | None, start: float, end: float) -> Tensor | None:
        """The noise of the parts so far, in units of the level, with that of the next; None for none."""
        settings = self.settings
        if settings.eta == 0 or settings.s_noise == 0:
            return None
        decay = (start - end) * self.width * settings.eta
        fresh = self.process.noise(self.level(start), self.level(end)) * (-math.expm1(2 * decay)) ** 0.5
        return fresh if noise is None else noise * math.exp(decay) + fresh

    def finish(self, x: Tensor, noise: Tensor | None, share: float) -> Tensor:
        """x at that share, with its noise."""
        return x if noise is None else x + noise * (self.level(share) * self.settings.s_noise)


def _phi_2(exponent: float) -> float:
    return (math.expm1(exponent) - exponent) / exponent


def seeds_2(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    settings: TwoStage = TWO_STAGE,
) -> Tensor:
    """SEEDS-2: two estimates a step. Without noise and with r = 1, it is Heun's exponential method."""
    r = settings.r
    for number, (sigma, sigma_next) in enumerate(process.finite_steps(sigmas)):
        denoised = denoiser(x, sigma)
        on_step(number, denoised)
        if sigma_next == 0:
            x = denoised
            continue
        step = _Step(process, sigma, sigma_next, settings)
        middle = step.level(r)
        halfway = step.keep(x, r) - denoised * (process.alpha(middle) * math.expm1(step.exponent(r)))
        noise = step.extend(None, 0, r)
        second = denoiser(step.finish(halfway, noise, r), middle)
        whole = math.expm1(step.exponent(1))
        later = _phi_2(step.exponent(1)) / r if settings.is_phi_2 else whole / (2 * r)
        estimate = denoised * (whole - later) + second * later
        x = step.keep(x, 1) - estimate * process.alpha(sigma_next)
        x = step.finish(x, step.extend(noise, r, 1), 1)
    return x


def seeds_3(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    settings: Stochastic = ANCESTRAL,
) -> Tensor:
    """SEEDS-3: three estimates a step."""
    for number, (sigma, sigma_next) in enumerate(process.finite_steps(sigmas)):
        denoised = denoiser(x, sigma)
        on_step(number, denoised)
        if sigma_next == 0:
            x = denoised
            continue
        step = _Step(process, sigma, sigma_next, settings)
        first, second = step.level(R1), step.level(R2)
        inner = step.keep(x, R1) - denoised * (process.alpha(first) * math.expm1(step.exponent(R1)))
        noise = step.extend(None, 0, R1)
        estimate_1 = denoiser(step.finish(inner, noise, R1), first)
        later = R2 / R1 * _phi_2(step.exponent(R2))
        blend = denoised * (math.expm1(step.exponent(R2)) - later) + estimate_1 * later
        noise = step.extend(noise, R1, R2)
        inner = step.finish(step.keep(x, R2) - blend * process.alpha(second), noise, R2)
        estimate_2 = denoiser(inner, second)
        later = _phi_2(step.exponent(1)) / R2
        blend = denoised * (math.expm1(step.exponent(1)) - later) + estimate_2 * later
        noise = step.extend(noise, R2, 1)
        x = step.finish(step.keep(x, 1) - blend * process.alpha(sigma_next), noise, 1)
    return x
