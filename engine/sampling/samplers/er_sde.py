"""ER-SDE-Solver (Cui et al. 2023, arXiv 2309.06169): the reverse equation with noise of a chosen scale."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from engine.sampling.denoiser import Denoiser, OnStep, ignore
from engine.sampling.process import Process
from engine.sampling.samplers.steps import Stochastic

Floats = npt.NDArray[np.float64]

POINTS = 200


@dataclass(frozen=True)
class Extended(Stochastic):
    """kind: the noise's scale; of the reverse-time equation, eta is its amount.  max_stage: the order."""

    kind: Literal["ER-SDE", "Reverse-time SDE", "ODE"] = "ER-SDE"
    max_stage: int = 3

    def scale(self, ratios: Floats) -> Floats:
        """The paper's phi, of noise-to-signal ratios."""
        if self.kind == "ER-SDE":
            return ratios * (np.exp(ratios**0.3) + 10)
        return ratios ** (1 + (self.eta if self.kind == "Reverse-time SDE" else 0.0))

    @property
    def noise(self) -> float:
        """The deviation of fresh noise; 0 for none at all."""
        return 0.0 if self.kind == "ODE" or (self.kind != "ER-SDE" and self.eta == 0) else self.s_noise


EXTENDED = Extended()


def er_sde(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    settings: Extended = EXTENDED,
) -> Tensor:
    """Up to three estimates of consecutive steps; integrals of the noise's scale are sums of 200 values."""
    known: list[tuple[float, Tensor]] = []
    slope: Tensor | None = None
    for step, (sigma, sigma_next) in enumerate(process.finite_steps(sigmas)):
        denoised = denoiser(x, sigma)
        on_step(step, denoised)
        if sigma_next == 0:
            x = denoised
            continue
        alpha, alpha_next = process.alpha(sigma), process.alpha(sigma_next)
        start, end = sigma / alpha, sigma_next / alpha_next
        kept = float(settings.scale(np.array(end)) / settings.scale(np.array(start)))
        x = x * (alpha_next / alpha * kept) + denoised * (alpha_next * (1 - kept))
        flat, tilted = _integrals(settings.scale, start, end)
        last_slope = slope
        if known and settings.max_stage >= 2:
            slope = (denoised - known[0][1]) / (start - known[0][0])
            x = x + slope * (alpha_next * (end - start + flat))
        if slope is not None and last_slope is not None and settings.max_stage >= 3:
            bend = (slope - last_slope) / ((start - known[1][0]) / 2)
            x = x + bend * (alpha_next * ((end - start) ** 2 / 2 + tilted))
        if settings.noise > 0:
            fresh = max(end**2 - (start * kept) ** 2, 0.0) ** 0.5
            x = x + process.noise(sigma, sigma_next) * (alpha_next * fresh * settings.noise)
        known = [(start, denoised), *known][:2]
    return x


def _integrals(scale: Callable[[Floats], Floats], start: float, end: float) -> tuple[float, float]:
    """Of 1 / scale and of (ratio - start) / scale from `end` up to `start`, times scale(end)."""
    width = (start - end) / POINTS
    ratios: Floats = end + np.arange(POINTS, dtype=np.float64) * width
    shares = width * float(scale(np.array(end))) / scale(ratios)
    return float(shares.sum()), float(((ratios - start) * shares).sum())
