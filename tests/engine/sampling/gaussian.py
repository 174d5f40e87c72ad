"""A task whose answer is known in closed form: data that is normally distributed, and its exact denoiser."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.graph.kinds import Parametrisation
from engine.sampling.noise import NoiseSource
from engine.sampling.process import Process
from engine.sampling.samplers.method import Method, Sampler
from engine.sampling.sigmas import DiscreteSigmas, build_sigmas, scaled_linear_sigmas

FIXTURES = Path(__file__).parent / "fixtures"
DATA_STD = 0.5
EPS = scaled_linear_sigmas()
FLOW = build_sigmas(Parametrisation("flow", "flow", shift=3.0))
EXPONENTIAL_FLOW = build_sigmas(Parametrisation("flow", "exponential_flow", shift=1.15, multiplier=1.0))


def read_fixture(name: str) -> dict[str, Any]:
    """Recorded numbers; `source` says where they come from."""
    fixture: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    return fixture


@dataclass
class GaussianDenoiser:
    """The expectation of the data behind x. `bias`: of tanh(x) in the estimate without the prompt."""

    mean: Tensor | float = 0.0
    std: float = DATA_STD
    is_flow: bool = False
    bias: float = 0.0
    estimates: int = 0

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        self.estimates += 1
        alpha = 1 - sigma if self.is_flow else 1.0
        share = alpha * self.std**2 / (alpha**2 * self.std**2 + sigma**2)
        return self.mean + (x - self.mean * alpha) * share

    def with_unconditional(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        denoised = self(x, sigma)
        return denoised, denoised - torch.tanh(x) * self.bias


def exact_denoiser(mean: Tensor | float = 0.0, std: float = DATA_STD) -> GaussianDenoiser:
    """The expectation of the data behind x."""
    return GaussianDenoiser(mean, std)


def exact_solution(x: Tensor, sigma: float, std: float = DATA_STD, sigma_next: float = 0.0) -> Tensor:
    """Where the probability-flow equation leads from x at `sigma`, for data around 0 and added noise."""
    return x * ((std**2 + sigma_next**2) / (std**2 + sigma**2)) ** 0.5


def no_noise(sigma: float, sigma_next: float) -> Tensor:
    """The source of samplers that must not draw any."""
    raise AssertionError("a deterministic sampler drew noise")


def ignore_step(step: int, denoised: Tensor) -> None:
    pass


def falling(steps: int, top: float = 10.0, bottom: float = 0.01) -> Tensor:
    """`steps` + 1 levels, evenly spaced in the logarithm, without the final 0."""
    return torch.logspace(
        torch.tensor(top).log10(), torch.tensor(bottom).log10(), steps + 1, dtype=torch.float64
    )


def walk(
    method: Method | Sampler,
    denoiser: Callable[[Tensor, float], Tensor],
    x: Tensor,
    levels: Tensor,
    noise: NoiseSource = no_noise,
    sigmas: DiscreteSigmas = EPS,
) -> Tensor:
    """Where a sampler goes."""
    sampler: Any = method.walk if isinstance(method, Method) else method
    result: Tensor = sampler(denoiser, x, levels, Process(sigmas, noise), ignore_step)
    return result


def final_error(method: Method | Sampler, steps: int) -> float:
    """How far a sampler ends from the exact solution at `falling`'s bottom, for x = 1 at its top."""
    levels = falling(steps)
    x = torch.ones(1, dtype=torch.float64)
    exact = exact_solution(x, float(levels[0]), sigma_next=float(levels[-1]))
    return float((walk(method, exact_denoiser(), x, levels) - exact).abs())
