"""Which noise levels a run of N steps visits: falling sigmas that end in 0. Float32 (N + 1,), unless said
otherwise.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from engine.sampling.prediction import DiscreteSigmas

Schedule = Callable[[DiscreteSigmas, int], Tensor]

KARRAS_RHO = 7.0


def normal(sigmas: DiscreteSigmas, steps: int) -> Tensor:
    """Evenly spaced timesteps from the noisiest to the cleanest that was trained."""
    start, end = sigmas.timestep_at(sigmas.sigma_max), sigmas.timestep_at(sigmas.sigma_min)
    return _end_in_zero(sigmas.sigma_at(torch.linspace(start, end, steps)))


def karras(sigmas: DiscreteSigmas, steps: int) -> Tensor:
    """Evenly spaced in sigma^(1/7) (Karras et al. 2022, eq. 5)."""
    ramp = torch.linspace(0, 1, steps)
    high, low = sigmas.sigma_max ** (1 / KARRAS_RHO), sigmas.sigma_min ** (1 / KARRAS_RHO)
    return _end_in_zero((high + ramp * (low - high)) ** KARRAS_RHO)


def simple(sigmas: DiscreteSigmas, steps: int) -> Tensor:
    """Every (1000 / N)-th trained level, counted from the noisiest."""
    spacing = len(sigmas.table) / steps
    return _end_in_zero(sigmas.table[[-(1 + int(step * spacing)) for step in range(steps)]])


def ddim_uniform(sigmas: DiscreteSigmas, steps: int) -> Tensor:
    """DDIM's spacing: trained levels 1, 1 + k, 1 + 2k, ... with k = 1000 // N. May have a step or two more
    than N.
    """
    stride = max(len(sigmas.table) // steps, 1)
    return _end_in_zero(sigmas.table[1::stride].flip(0))


SCHEDULES: Mapping[str, Schedule] = {
    "simple": simple,
    "karras": karras,
    "ddim_uniform": ddim_uniform,
    "normal": normal,
}


def schedule_sigmas(name: str, sigmas: DiscreteSigmas, steps: int, denoise: float = 1.0) -> Tensor:
    """The levels of `steps` steps; `denoise` below 1 takes the last ones of a longer schedule.

    Empty for denoise 0: there is nothing to do. Raises KeyError for an unknown schedule.
    """
    if denoise <= 0:
        return torch.empty(0)
    if denoise >= 1:
        return SCHEDULES[name](sigmas, steps)
    return SCHEDULES[name](sigmas, int(steps / denoise))[-(steps + 1) :]


def _end_in_zero(sigmas: Tensor) -> Tensor:
    return torch.cat([sigmas, sigmas.new_zeros(1)])
