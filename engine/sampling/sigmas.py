"""The noise levels that networks were trained at, and the timesteps that stand for them."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from engine.graph.kinds import Parametrisation

# Levels of the continuous tables, for schedules that want one.
TABLE_SIZE = 1000
EXPONENTIAL_TABLE_SIZE = 10_000
# Above every level: what "from the very beginning" means where noise is not bounded by 1.
BEFORE_THE_START = 999_999_999.9
# The last cumulative alpha of a table that ends in nothing but noise: 0 would make sigma infinite.
ZERO_TERMINAL_ALPHA = 4.8973451890853435e-08
# Distilled models know every 20th timestep.
DISTILLED_STRIDE = 20
# Stable Diffusion's training noise: square roots of beta rise linearly.
BETA_START, BETA_END, TIMESTEPS = 0.00085, 0.012, 1000


@dataclass(frozen=True)
class DiscreteSigmas:
    """The noise levels that a network was trained at; `table` is float32 and rising."""

    table: Tensor

    # Whether noise replaces the data, x = (1 - sigma) * data + sigma * noise, instead of being added to it.
    is_flow: ClassVar[bool] = False

    @cached_property
    def log_table(self) -> Tensor:
        return self.table.log()

    @property
    def sigma_min(self) -> float:
        return float(self.table[0])

    @property
    def sigma_max(self) -> float:
        return float(self.table[-1])

    def timestep_at(self, sigma: float) -> float:
        """The trained timestep nearest to `sigma`, measured between logarithms."""
        return int((self.log_table - math.log(sigma)).abs().argmin())

    def sigma_at(self, timestep: Tensor) -> Tensor:
        """The noise level at fractional timesteps (N,), logarithms interpolated linearly; float32."""
        low = timestep.floor().long()
        high = timestep.ceil().long()
        share = timestep - low
        return ((1 - share) * self.log_table[low] + share * self.log_table[high]).exp()

    def sigma_at_percent(self, percent: float) -> float:
        """The level where this share of the way, in timesteps, is done; 0 and 1 are beyond all levels."""
        if percent <= 0:
            return BEFORE_THE_START
        return 0.0 if percent >= 1 else self._sigma_after(percent)

    def _sigma_after(self, percent: float) -> float:
        return float(self.sigma_at(torch.tensor([(1 - percent) * (TIMESTEPS - 1)]))[0])


@dataclass(frozen=True)
class DistilledSigmas(DiscreteSigmas):
    """Every `stride`-th level of a longer table, counted from the noisiest; timesteps are that one's."""

    stride: int = DISTILLED_STRIDE

    def timestep_at(self, sigma: float) -> float:
        return super().timestep_at(sigma) * self.stride + (self.stride - 1)

    def sigma_at(self, timestep: Tensor) -> Tensor:
        return super().sigma_at(((timestep - (self.stride - 1)) / self.stride).clamp(min=0))


@dataclass(frozen=True)
class ContinuousSigmas(DiscreteSigmas):
    """Any level between two."""

    def _sigma_after(self, percent: float) -> float:
        """Logarithms fall evenly."""
        low, high = math.log(self.sigma_min), math.log(self.sigma_max)
        return math.exp(low + (high - low) * (1 - percent))


@dataclass(frozen=True)
class LogarithmicSigmas(ContinuousSigmas):
    """Any level; the timestep is a quarter of its logarithm (Karras et al. 2022, table 1, c_noise)."""

    def timestep_at(self, sigma: float) -> float:
        return 0.25 * math.log(sigma)

    def sigma_at(self, timestep: Tensor) -> Tensor:
        return (4 * timestep).exp()


@dataclass(frozen=True)
class AngularSigmas(ContinuousSigmas):
    """Any level; the timestep is the angle arctan(sigma), with a right angle as 1."""

    def timestep_at(self, sigma: float) -> float:
        return math.atan(sigma) * 2 / math.pi

    def sigma_at(self, timestep: Tensor) -> Tensor:
        return (timestep * (math.pi / 2)).tan()


@dataclass(frozen=True)
class FlowSigmas(DiscreteSigmas):
    """Rectified flow (Liu et al. 2022, arXiv 2209.03003), levels moved towards noise by `shift`.

    The network is told sigma * multiplier. As in the released pipelines, a timestep is shifted once more when
    it is made a level again. (Esser et al. 2024, arXiv 2403.03206, section 5.3.2.)
    """

    shift: float = 1.0
    multiplier: float = 1000.0
    is_flow: ClassVar[bool] = True

    def timestep_at(self, sigma: float) -> float:
        return sigma * self.multiplier

    def sigma_at(self, timestep: Tensor) -> Tensor:
        return shift_levels(timestep / self.multiplier, self.shift)

    def sigma_at_percent(self, percent: float) -> float:
        return 1.0 if percent <= 0 else super().sigma_at_percent(percent)

    def _sigma_after(self, percent: float) -> float:
        return float(self.sigma_at(torch.tensor([(1 - percent) * self.multiplier], dtype=torch.float64))[0])


@dataclass(frozen=True)
class ExponentialFlowSigmas(FlowSigmas):
    """Rectified flow whose shift is the exponential of `shift`, as Flux counts it."""

    def sigma_at(self, timestep: Tensor) -> Tensor:
        return shift_levels(timestep / self.multiplier, math.exp(self.shift))


def shift_levels(levels: Tensor, shift: float) -> Tensor:
    """Levels in [0, 1], whose ratio of noise to data becomes `shift` times what it was."""
    return shift * levels / (1 + (shift - 1) * levels)


def build_sigmas(parametrisation: Parametrisation) -> DiscreteSigmas:
    """The levels that a parametrisation describes."""
    low, high = parametrisation.sigma_min, parametrisation.sigma_max
    match parametrisation.levels:
        case "logarithmic" | "angles":
            table = torch.linspace(math.log(low), math.log(high), TABLE_SIZE).exp()
            return (LogarithmicSigmas if parametrisation.levels == "logarithmic" else AngularSigmas)(table)
        case "flow":
            ramp = torch.arange(1, TABLE_SIZE + 1) / TABLE_SIZE
            table = shift_levels(ramp, parametrisation.shift)
            return FlowSigmas(table, parametrisation.shift, parametrisation.multiplier)
        case "exponential_flow":
            ramp = torch.arange(1, EXPONENTIAL_TABLE_SIZE + 1) / EXPONENTIAL_TABLE_SIZE
            table = shift_levels(ramp, math.exp(parametrisation.shift))
            return ExponentialFlowSigmas(table, parametrisation.shift, parametrisation.multiplier)
        case "table" | "distilled":
            whole = scaled_linear_sigmas(is_zero_terminal=parametrisation.is_zero_terminal)
            if parametrisation.levels == "table":
                return whole
            return DistilledSigmas(whole.table.flip(0)[::DISTILLED_STRIDE].flip(0))


def scaled_linear_sigmas(
    start: float = BETA_START,
    end: float = BETA_END,
    count: int = TIMESTEPS,
    *,
    is_zero_terminal: bool = False,
) -> DiscreteSigmas:
    """Stable Diffusion's table: betas are the squares of a linear ramp from sqrt(start) to sqrt(end).

    is_zero_terminal: rescaled to end without any signal (Lin et al. 2023, arXiv 2305.08891, algorithm 1).
    """
    betas = torch.linspace(start**0.5, end**0.5, count, dtype=torch.float64) ** 2
    alphas = torch.cumprod(1 - betas, dim=0)
    if is_zero_terminal:
        roots = alphas.sqrt()
        alphas = ((roots - roots[-1]) * (roots[0] / (roots[0] - roots[-1]))) ** 2
        alphas[-1] = ZERO_TERMINAL_ALPHA
    return DiscreteSigmas(((1 - alphas) / alphas).sqrt().float())
