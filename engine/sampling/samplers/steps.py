"""What samplers of several kinds share."""

from dataclasses import dataclass

from torch import Tensor

from engine.sampling.process import Process


@dataclass(frozen=True)
class Stochastic:
    """eta: how much of each step's noise is fresh, from 0, none, to 1, as much as in the reverse process.

    s_noise: the deviation of that noise.
    """

    eta: float = 1.0
    s_noise: float = 1.0


ANCESTRAL = Stochastic()
DETERMINISTIC = Stochastic(eta=0.0)


@dataclass(frozen=True)
class Descent:
    """A stochastic step: without noise to the level `down`, from there x * keep + noise * up."""

    down: float
    keep: float
    up: float


def descend(process: Process, sigma: float, sigma_next: float, eta: float = 1.0) -> Descent:
    """The parts of an ancestral step; in flows, `down` is where signal and noise of a smaller step meet."""
    if not process.is_flow:
        down, up = ancestral_levels(sigma, sigma_next, eta)
        return Descent(down, 1.0, up)
    down = sigma_next * (1 + (sigma_next / sigma - 1) * eta)
    keep = (1 - sigma_next) / (1 - down)
    return Descent(down, keep, max(sigma_next**2 - (down * keep) ** 2, 0.0) ** 0.5)


def ancestral_levels(sigma: float, sigma_next: float, eta: float = 1.0) -> tuple[float, float]:
    """(down, up): step to `down`, then add noise of `up`; together they give sigma_next's variance."""
    fresh = max(1 - (sigma_next / sigma) ** 2, 0.0) ** 0.5
    up = min(sigma_next, eta * sigma_next * fresh)
    return max(sigma_next**2 - up**2, 0.0) ** 0.5, up


def step_to(x: Tensor, denoised: Tensor, ratio: float) -> Tensor:
    """The noise of x scaled to `ratio` of what it was, if `denoised` is the data."""
    return denoised + (x - denoised) * ratio


def direction(x: Tensor, denoised: Tensor, sigma: float) -> Tensor:
    """d: how x changes with the noise level."""
    return (x - denoised) / sigma
