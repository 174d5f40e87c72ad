"""Networks adapted to the one convention, and their table of noise levels.

eps with discrete timesteps: Ho et al. 2020 (DDPM), in the variables of Karras et al. 2022. Another prediction
is another class beside EpsPrediction.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from engine.sampling.denoiser import Network

# Stable Diffusion's training noise: square roots of beta rise linearly.
BETA_START, BETA_END, TIMESTEPS = 0.00085, 0.012, 1000


@dataclass(frozen=True)
class DiscreteSigmas:
    """The noise levels that a network was trained at; `table` is float32 and rising."""

    table: Tensor

    @cached_property
    def log_table(self) -> Tensor:
        return self.table.log()

    @property
    def sigma_min(self) -> float:
        return float(self.table[0])

    @property
    def sigma_max(self) -> float:
        return float(self.table[-1])

    def timestep_at(self, sigma: float) -> int:
        """The trained timestep nearest to `sigma`, measured between logarithms."""
        return int((self.log_table - math.log(sigma)).abs().argmin())

    def sigma_at(self, timestep: Tensor) -> Tensor:
        """The noise level at fractional timesteps (N,), logarithms interpolated linearly; float32."""
        low = timestep.floor().long()
        high = timestep.ceil().long()
        return torch.lerp(self.log_table[low], self.log_table[high], timestep - low).exp()


def scaled_linear_sigmas(
    start: float = BETA_START, end: float = BETA_END, count: int = TIMESTEPS
) -> DiscreteSigmas:
    """Stable Diffusion's table: betas are the squares of a linear ramp from sqrt(start) to sqrt(end)."""
    betas = torch.linspace(start**0.5, end**0.5, count, dtype=torch.float64) ** 2
    alphas = torch.cumprod(1 - betas, dim=0)
    return DiscreteSigmas(((1 - alphas) / alphas).sqrt().float())


@dataclass(frozen=True)
class EpsPrediction:
    """A network that predicts the noise in x / sqrt(sigma^2 + 1), in its own precision."""

    network: Network
    sigmas: DiscreteSigmas
    dtype: torch.dtype = torch.float32

    def __call__(self, x: Tensor, sigma: float, context: Tensor) -> Tensor:
        """denoised = x - sigma * network(...); float32 outside of the network. (B, C, H, W), (B, T, D)."""
        scaled = x / (sigma**2 + 1) ** 0.5
        timestep = torch.full((x.shape[0],), self.sigmas.timestep_at(sigma), device=x.device)
        noise = self.network(scaled.to(self.dtype), timestep, context.to(self.dtype))
        return x - noise.float() * sigma
