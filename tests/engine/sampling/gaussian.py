"""A task whose answer is known in closed form: data that is normally distributed, and its exact denoiser."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.sampling.denoiser import Denoiser

FIXTURES = Path(__file__).parent / "fixtures"
DATA_STD = 0.5


def read_fixture(name: str) -> dict[str, Any]:
    """Recorded numbers; `source` says where they come from."""
    fixture: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    return fixture


def exact_denoiser(mean: Tensor | float = 0.0, std: float = DATA_STD) -> Denoiser:
    """The expectation of the data behind x."""

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return mean + (x - mean) * (std**2 / (std**2 + sigma**2))

    return denoise


def exact_solution(x: Tensor, sigma: float, std: float = DATA_STD) -> Tensor:
    """Where the probability-flow equation leads from x at `sigma`, for data around 0."""
    return x * std / (std**2 + sigma**2) ** 0.5


def no_noise() -> Tensor:
    """The source of samplers that must not draw any."""
    raise AssertionError("a deterministic sampler drew noise")


def falling(steps: int, top: float = 10.0, bottom: float = 0.01) -> Tensor:
    """`steps` + 1 levels, evenly spaced in the logarithm, without the final 0."""
    return torch.logspace(
        torch.tensor(top).log10(), torch.tensor(bottom).log10(), steps + 1, dtype=torch.float64
    )


def final_error(sampler: Callable[..., Tensor], steps: int) -> float:
    """How far a sampler ends from the exact solution at `falling`'s bottom, for x = 1 at its top."""
    levels = falling(steps)
    x = torch.ones(1, dtype=torch.float64)
    top, bottom = float(levels[0]), float(levels[-1])
    exact = x * ((DATA_STD**2 + bottom**2) / (DATA_STD**2 + top**2)) ** 0.5
    return float((sampler(exact_denoiser(), x, levels, no_noise) - exact).abs())
