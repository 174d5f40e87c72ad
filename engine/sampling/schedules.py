"""Which noise levels a run of N steps visits: falling sigmas that end in 0. Float32 (N + 1,), unless said
otherwise.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from engine.sampling.beta import beta_quantiles
from engine.sampling.sigmas import DiscreteSigmas

Schedule = Callable[[DiscreteSigmas, int], Tensor]

KARRAS_RHO = 7.0
BETA_PARAMETER = 0.6
# Of linear_quadratic: what share of the noise half of the steps spend.
LINEAR_SHARE = 0.025
# A level this small is 0 already.
NOTHING = 1e-5
# Keeps the logarithm at the ends of the Laplace distribution finite.
LAPLACE_END = 1e-5
# Of Align Your Steps, from the authors' page (research.nvidia.com/labs/toronto-ai/AlignYourSteps/howto.html).
ALIGNED_LEVELS: Mapping[str, tuple[float, ...]] = {
    "SD1": (
        *(14.6146412293, 6.4745760956, 3.8636745985, 2.6946151520, 1.8841921177, 1.3943805092),
        *(0.9642583904, 0.6523686016, 0.3977456272, 0.1515232662, 0.0291671582),
    ),
    "SDXL": (
        *(14.6146412293, 6.3184485287, 3.7681790315, 2.1811480769, 1.3405244945, 0.8620721141),
        *(0.5550693289, 0.3798540708, 0.2332364134, 0.1114188177, 0.0291671582),
    ),
    "SVD": (700.00, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002),
}
# SD Turbo was distilled at every hundredth timestep.
TURBO_STRIDE, TURBO_TIMESTEPS = 100, 10


def normal(sigmas: DiscreteSigmas, steps: int) -> Tensor:
    """Evenly spaced timesteps from the noisiest to the cleanest that was trained."""
    start, end = sigmas.timestep_at(sigmas.sigma_max), sigmas.timestep_at(sigmas.sigma_min)
    if abs(float(sigmas.sigma_at(torch.tensor([end]))[0])) < NOTHING:
        return sigmas.sigma_at(torch.linspace(start, end, steps + 1))
    return _end_in_zero(sigmas.sigma_at(torch.linspace(start, end, steps)))


def sgm_uniform(sigmas: DiscreteSigmas, steps: int) -> Tensor:
    """Evenly spaced timesteps without the cleanest, in whose place is 0."""
    start, end = sigmas.timestep_at(sigmas.sigma_max), sigmas.timestep_at(sigmas.sigma_min)
    return _end_in_zero(sigmas.sigma_at(torch.linspace(start, end, steps + 1)[:-1]))


def karras(sigmas: DiscreteSigmas, steps: int) -> Tensor:
    """Evenly spaced in sigma^(1/7) (Karras et al. 2022, eq. 5)."""
    return karras_between(sigmas.sigma_max, sigmas.sigma_min, steps)


def karras_between(sigma_max: float, sigma_min: float, steps: int, rho: float = KARRAS_RHO) -> Tensor:
    """Evenly spaced in sigma^(1/rho), rho > 0."""
    ramp = torch.linspace(0, 1, steps)
    high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return _end_in_zero((high + ramp * (low - high)) ** rho)


def exponential(sigmas: DiscreteSigmas, steps: int) -> Tensor:
    """Evenly spaced logarithms."""
    return polyexponential_between(sigmas.sigma_max, sigmas.sigma_min, steps)


def polyexponential_between(sigma_max: float, sigma_min: float, steps: int, rho: float = 1.0) -> Tensor:
    """Logarithms that fall with the power rho of the steps left; both levels > 0."""
    ramp = torch.linspace(1, 0, steps) ** rho
    low, high = math.log(sigma_min), math.log(sigma_max)
    return _end_in_zero((ramp * (high - low) + low).exp())


def simple(sigmas: DiscreteSigmas, steps: int) -> Tensor:
    """Every (1000 / N)-th trained level, counted from the noisiest."""
    spacing = len(sigmas.table) / steps
    return _end_in_zero(sigmas.table[[-(1 + int(step * spacing)) for step in range(steps)]])


def ddim_uniform(sigmas: DiscreteSigmas, steps: int) -> Tensor:
    """DDIM's spacing: trained levels 1, 1 + k, 1 + 2k, ... with k = 1000 // N. May have a step or two more
    than N.
    """
    stride = max(len(sigmas.table) // steps, 1)
    chosen = sigmas.table[1::stride].flip(0)
    return chosen if float(chosen[-1]) < NOTHING else _end_in_zero(chosen)


def beta(sigmas: DiscreteSigmas, steps: int) -> Tensor:
    """Timesteps at a beta distribution's quantiles, dense at both ends (Lee et al. 2024, 2407.12173)."""
    return beta_of(sigmas, steps, BETA_PARAMETER, BETA_PARAMETER)


def beta_of(sigmas: DiscreteSigmas, steps: int, alpha: float, beta: float) -> Tensor:
    """The same for a distribution of any shape, alpha, beta > 0. Timesteps that fall together count once."""
    shares = 1 - np.linspace(0, 1, steps, endpoint=False)
    # Rounded twice, so that a place half-way between two is one, whatever the last digits are.
    exact = beta_quantiles(shares, alpha, beta) * (len(sigmas.table) - 1)
    places = np.rint(exact.round(9)).astype(int)
    kept = np.append(True, np.diff(places) != 0)
    return _end_in_zero(sigmas.table[places[kept].tolist()])


def linear_quadratic(sigmas: DiscreteSigmas, steps: int) -> Tensor:
    """Half of the steps linear down by a small share, the others quadratic (Polyak et al. 2024, Movie Gen,
    arXiv 2410.13720).
    """
    if steps == 1:
        return torch.tensor([sigmas.sigma_max, 0.0])
    linear = steps // 2
    rest = steps - linear
    # The parabola goes on at the line's end with the line's slope, and reaches 1 at the last step.
    slope = LINEAR_SHARE / linear
    bend = (1 - LINEAR_SHARE - slope * rest) / rest**2
    done = [slope * step for step in range(linear)]
    done += [LINEAR_SHARE + slope * step + bend * step**2 for step in range(rest)]
    return _end_in_zero((1 - torch.tensor(done)) * sigmas.sigma_max)


def kl_optimal(sigmas: DiscreteSigmas, steps: int) -> Tensor:
    """Evenly spaced angles arctan(sigma) (Sabour et al. 2024, Align Your Steps, arXiv 2404.14507)."""
    ramp = torch.linspace(0, 1, steps)
    high, low = math.atan(sigmas.sigma_max), math.atan(sigmas.sigma_min)
    return _end_in_zero((ramp * low + (1 - ramp) * high).tan())


def laplace_between(sigma_max: float, sigma_min: float, steps: int, mu: float, beta: float) -> Tensor:
    """ln sigma at a Laplace distribution's quantiles (Hang et al. 2024, arXiv 2407.03297), clamped to the
    two levels. (N,): no 0 follows.
    """
    half = 0.5 - torch.linspace(0, 1, steps)
    logarithms = mu - beta * half.sign() * (1 - 2 * half.abs() + LAPLACE_END).log()
    return logarithms.exp().clamp(sigma_min, sigma_max)


def vp(steps: int, beta_d: float, beta_min: float, eps_s: float) -> Tensor:
    """Evenly spaced times from 1 to eps_s of the variance-preserving process (Song et al. 2021, arXiv
    2011.13456) whose beta is beta_min + beta_d * t.
    """
    times = torch.linspace(1, eps_s, steps)
    return _end_in_zero((beta_d * times**2 / 2 + beta_min * times).expm1().sqrt())


def sd_turbo(sigmas: DiscreteSigmas, steps: int, denoise: float) -> Tensor:
    """`steps` of the ten timesteps that SD Turbo knows, from the share `denoise` of them on."""
    first = TURBO_TIMESTEPS - int(TURBO_TIMESTEPS * denoise)
    timesteps = (torch.arange(TURBO_TIMESTEPS, 0, -1) * TURBO_STRIDE - 1)[first : first + steps]
    return _end_in_zero(sigmas.sigma_at(timesteps.float()))


def align_your_steps(model_type: str, steps: int, denoise: float) -> Tensor:
    """Levels that were optimised for a kind of model (Sabour et al. 2024, arXiv 2404.14507); between the
    published ones, even in their logarithm. Of `steps`, the last ones that `denoise` leaves.

    Raises KeyError for an unknown kind.
    """
    if denoise <= 0:
        return torch.empty(0)
    known = np.log(ALIGNED_LEVELS[model_type])
    places = np.linspace(0, len(known) - 1, steps + 1)
    levels = np.exp(np.interp(places, np.arange(len(known)), known))
    kept = round(steps * min(denoise, 1.0))
    return _end_in_zero(torch.tensor(levels[steps - kept : -1], dtype=torch.float32))


SCHEDULES: Mapping[str, Schedule] = {
    "simple": simple,
    "sgm_uniform": sgm_uniform,
    "karras": karras,
    "exponential": exponential,
    "ddim_uniform": ddim_uniform,
    "beta": beta,
    "normal": normal,
    "linear_quadratic": linear_quadratic,
    "kl_optimal": kl_optimal,
}


def schedule_sigmas(
    name: str,
    sigmas: DiscreteSigmas,
    steps: int,
    denoise: float = 1.0,
    *,
    drops_second_last: bool = False,
) -> Tensor:
    """The levels of `steps` steps; `denoise` below 1 takes the last ones of a longer schedule.

    drops_second_last: of one step more, all but the second-last level. Empty for denoise 0: there is nothing
    to do. Raises KeyError for an unknown schedule.
    """
    if denoise <= 0:
        return torch.empty(0)
    whole = steps if denoise >= 1 else int(steps / denoise)
    levels = SCHEDULES[name](sigmas, whole + drops_second_last)
    if drops_second_last:
        levels = torch.cat([levels[:-2], levels[-1:]])
    return levels if denoise >= 1 else levels[-(steps + 1) :]


def _end_in_zero(sigmas: Tensor) -> Tensor:
    return torch.cat([sigmas, sigmas.new_zeros(1)])
