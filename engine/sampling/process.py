"""How data turns into noise: x = alpha(sigma) * data + sigma * noise.

alpha is 1 where noise is added ("variance exploding") and 1 - sigma in flows. `lambda`, as in the papers, is
half the logarithm of the signal-to-noise ratio: ln(alpha / sigma).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from engine.sampling.noise import NoiseSource
from engine.sampling.sigmas import DiscreteSigmas

# How far from pure noise a stochastic sampler starts on a flow, where lambda would be minus infinity.
FIRST_PERCENT = 1e-4


@dataclass(frozen=True)
class Process:
    """The noising that a network was trained to undo, and fresh noise for samplers that want it."""

    sigmas: DiscreteSigmas
    noise: NoiseSource

    @property
    def is_flow(self) -> bool:
        """Whether alpha is 1 - sigma."""
        return self.sigmas.is_flow

    def alpha(self, sigma: float) -> float:
        """The data's share at a level."""
        return alpha_at(self.sigmas, sigma)

    def lambda_at(self, sigma: float) -> float:
        """ln(alpha / sigma); for sigma > 0, below 1 on flows."""
        return math.log(self.alpha(sigma) / sigma)

    def sigma_at(self, log_ratio: float) -> float:
        """The level of a lambda."""
        return 1 / (1 + math.exp(log_ratio)) if self.is_flow else math.exp(-log_ratio)

    def mix(self, latent: Tensor, noise: Tensor, sigma: float) -> Tensor:
        """Data at a level; both (B, C, H, W)."""
        return latent * self.alpha(sigma) + noise * sigma

    def finite_steps(self, sigmas: Tensor) -> Sequence[tuple[float, float]]:
        """The steps, the first of which starts where lambda is finite."""
        levels: list[float] = sigmas.tolist()
        if self.is_flow and levels and levels[0] >= 1:
            levels[0] = self.sigmas.sigma_at_percent(FIRST_PERCENT)
        return list(pairwise(levels))


def alpha_at(sigmas: DiscreteSigmas, sigma: float) -> float:
    """The data's share at a level."""
    return 1 - sigma if sigmas.is_flow else 1.0
