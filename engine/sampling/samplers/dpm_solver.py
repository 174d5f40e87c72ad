"""DPM-Solver of noise prediction (Lu et al. 2022, arXiv 2206.00927): single steps of order 1 to 3.

Time is t = -ln sigma, and eps = (x - denoised) / sigma.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from engine.errors import EngineError
from engine.sampling.denoiser import Denoiser, OnStep, ignore
from engine.sampling.process import Process
from engine.sampling.samplers.steps import ancestral_levels, direction

# eps of x at t
Eps = Callable[[Tensor, float], Tensor]

# How near the end counts as there.
_CLOSE = 1e-5


@dataclass(frozen=True)
class StepControl:
    """How dpm_adaptive chooses its steps. rtol, atol: of the error a step may make.  h_init: the first width.

    pcoeff, icoeff, dcoeff: of the controller, proportional, integral, derivative.  accept_safety: steps that
    it would shrink below this factor are tried again.  eta, s_noise: as of ancestral samplers.
    """

    order: int = 3
    rtol: float = 0.05
    atol: float = 0.0078
    h_init: float = 0.05
    pcoeff: float = 0.0
    icoeff: float = 1.0
    dcoeff: float = 0.0
    accept_safety: float = 0.81
    eta: float = 0.0
    s_noise: float = 1.0


STEP_CONTROL = StepControl()


def dpm_fast(
    denoiser: Denoiser, x: Tensor, sigmas: Tensor, process: Process, on_step: OnStep = ignore
) -> Tensor:
    """DPM-Solver-fast: as many estimates as there are steps, spent on steps of order 3. Ends at the last
    level above 0; levels between are not visited.
    """
    budget = len(sigmas) - 1
    start, end = _times(sigmas)
    made = 0

    def eps(x: Tensor, time: float) -> Tensor:
        nonlocal made
        sigma = math.exp(-time)
        denoised = denoiser(x, sigma)
        on_step(made, denoised)
        made += 1
        return direction(x, denoised, sigma)

    count = budget // 3 + 1
    orders = [3] * (count - 2) + [2, 1] if budget % 3 == 0 else [3] * (count - 1) + [budget % 3]
    times = [start + (end - start) * step / count for step in range(count + 1)]
    for order, (time, time_next) in zip(orders, pairwise(times), strict=True):
        x = _step_of_order(order, eps, x, time, time_next)
    return x


def dpm_adaptive(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    process: Process,
    on_step: OnStep = ignore,
    settings: StepControl = STEP_CONTROL,
) -> Tensor:
    """DPM-Solver-12 or -23 with steps as wide as their error allows, between the first level and the last
    above 0; levels between are not visited. A batch is one system: its steps are common.

    Raises EngineError where estimates are not finite: no step would ever be small enough.
    """
    start, end = _times(sigmas)
    controller = _Controller(settings, settings.h_init)
    time, previous = start, x

    def eps(x: Tensor, time: float) -> Tensor:
        sigma = math.exp(-time)
        return direction(x, denoiser(x, sigma), sigma)

    while time < end - _CLOSE:
        time_next = min(end, time + controller.width)
        target, up = _lower(time, time_next, end, settings.eta)
        first = eps(x, time)
        low, high = _pair(settings.order, eps, x, first, (time, target))
        tolerance = torch.clamp(settings.rtol * torch.maximum(low.abs(), previous.abs()), min=settings.atol)
        error = float(torch.linalg.vector_norm((low - high) / tolerance)) / x.numel() ** 0.5
        if not math.isfinite(error):
            raise EngineError(
                f"dpm_adaptive: estimates at sigma {math.exp(-time):.4g} are not finite numbers"
            )
        if not controller.accepts(error):
            continue
        done = (time - start) / (end - start)
        on_step(int(done * (len(sigmas) - 1)), x - first * math.exp(-time))
        previous, x = low, high
        if up > 0:
            x = x + process.noise(math.exp(-time), math.exp(-time_next)) * (up * settings.s_noise)
        time = time_next
    return x


@dataclass
class _Controller:
    """A PID controller of the step's width (Soederlind 2003, "Digital filters in adaptive time-stepping")."""

    settings: StepControl
    width: float
    # Inverse errors of this step and the two accepted before it.
    _history: tuple[float, float, float] | None = None

    def accepts(self, error: float) -> bool:
        """Whether a step with this error stands, 1 being what is tolerated; sets the next width."""
        settings = self.settings
        inverse = 1 / (error + 1e-8)
        _, last, before = self._history or (inverse, inverse, inverse)
        powers = (
            (settings.pcoeff + settings.icoeff + settings.dcoeff) / settings.order,
            -(settings.pcoeff + 2 * settings.dcoeff) / settings.order,
            settings.dcoeff / settings.order,
        )
        factor = inverse ** powers[0] * last ** powers[1] * before ** powers[2]
        factor = 1 + math.atan(factor - 1)
        is_accepted = factor >= settings.accept_safety
        self._history = (inverse, inverse, last) if is_accepted else (inverse, last, before)
        self.width *= factor
        return is_accepted


def _times(sigmas: Tensor) -> tuple[float, float]:
    """The first level and the last above 0, as times."""
    levels: list[float] = sigmas.tolist()
    last = levels[-1] if levels[-1] > 0 else levels[-2]
    return -math.log(levels[0]), -math.log(last)


def _lower(time: float, time_next: float, end: float, eta: float) -> tuple[float, float]:
    """Where to step to without noise, and the noise to add there."""
    if eta == 0:
        return time_next, 0.0
    sigma_next = math.exp(-time_next)
    down, _ = ancestral_levels(math.exp(-time), sigma_next, eta)
    target = min(end, -math.log(down)) if down > 0 else end
    return target, max(sigma_next**2 - math.exp(-2 * target), 0.0) ** 0.5


def _pair(
    order: int, eps: Eps, x: Tensor, first: Tensor, times: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """The step in a lower and in the asked order, from the same estimates."""
    time, time_next = times
    if order == 2:
        inner = eps(_order_1(x, first, time, (time + time_next) / 2), (time + time_next) / 2)
        return _order_1(x, first, time, time_next), _order_2(x, (first, inner), times, 1 / 2)
    third = time + (time_next - time) / 3
    inner = eps(_order_1(x, first, time, third), third)
    return _order_2(x, (first, inner), times, 1 / 3), _order_3(eps, x, (first, inner), times)


def _step_of_order(order: int, eps: Eps, x: Tensor, time: float, time_next: float) -> Tensor:
    first = eps(x, time)
    if order == 1:
        return _order_1(x, first, time, time_next)
    times = time, time_next
    r = 1 / 2 if order == 2 else 1 / 3
    inner_time = time + r * (time_next - time)
    inner = eps(_order_1(x, first, time, inner_time), inner_time)
    return _order_2(x, (first, inner), times, r) if order == 2 else _order_3(eps, x, (first, inner), times)


def _order_1(x: Tensor, first: Tensor, time: float, time_next: float) -> Tensor:
    return x - first * (math.exp(-time_next) * math.expm1(time_next - time))


def _order_2(x: Tensor, known: tuple[Tensor, Tensor], times: tuple[float, float], r: float) -> Tensor:
    """known: eps at the start and at r of the step."""
    time, time_next = times
    scale = math.exp(-time_next) * math.expm1(time_next - time)
    return x - known[0] * scale - (known[1] - known[0]) * (scale / (2 * r))


def _order_3(eps: Eps, x: Tensor, known: tuple[Tensor, Tensor], times: tuple[float, float]) -> Tensor:
    """known: eps at the start and at a third of the step."""
    time, time_next = times
    width, r = time_next - time, 2 / 3
    bent = known[1] - known[0]
    inner_time = time + r * width
    partial = math.exp(-inner_time)
    inner = x - known[0] * (partial * math.expm1(r * width))
    inner = inner - bent * (partial * 2 * (math.expm1(r * width) / (r * width) - 1))
    last = eps(inner, inner_time) - known[0]
    end = math.exp(-time_next)
    weight = (math.expm1(width) / width - 1) / r
    return x - known[0] * (end * math.expm1(width)) - last * (end * weight)
