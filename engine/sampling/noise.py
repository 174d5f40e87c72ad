"""Noise from the CPU's generator, so that a seed gives the same picture on every machine."""

from typing import Protocol

import torch
from torch import Tensor

from engine.sampling.brownian import BrownianPath


class NoiseSource(Protocol):
    """Fresh noise for stochastic samplers."""

    def __call__(self, sigma: float, sigma_next: float, like: Tensor | None = None) -> Tensor:
        """Unit noise (B, C, H, W) for the step from `sigma` to `sigma_next`; of `like`'s size where sizes may
        change, which they may not along a path.
        """
        ...


def generator(seed: int) -> torch.Generator:
    """A generator of its own; `seed` has up to 64 bits, of which torch's CPU generator uses the low half."""
    return torch.Generator(device="cpu").manual_seed(seed)


def initial_noise(shape: torch.Size, seed: int, batch_index: tuple[int, ...] | None = None) -> Tensor:
    """Unit noise of `shape` (B, C, H, W), float32, on the CPU.

    `batch_index` names each sample's place in a larger batch: sample i is then what place batch_index[i] had
    there.
    """
    source = generator(seed)
    if batch_index is None:
        return torch.randn(shape, generator=source)
    drawn = [torch.randn(1, *shape[1:], generator=source) for _ in range(max(batch_index) + 1)]
    return torch.cat([drawn[place] for place in batch_index])


def step_noise(like: Tensor, seed: int) -> NoiseSource:
    """One draw of `like`'s shape a call, on its device, whatever the levels."""
    source, usual = generator(seed), like

    def draw(sigma: float, sigma_next: float, like: Tensor | None = None) -> Tensor:
        shape = usual.shape if like is None else like.shape
        return torch.randn(shape, generator=source).to(usual.device)

    return draw


def brownian_noise(like: Tensor, seed: int, sigmas: Tensor) -> NoiseSource:
    """The increments of one path over the schedule, on `like`'s device: finer steps follow the same path.

    All 64 bits of `seed` count. A schedule without positive levels has no path and draws nothing.
    """
    positive = sigmas[sigmas > 0].double()
    low, high = (float(positive.min()), float(positive.max())) if len(positive) else (0.0, 1.0)
    path = BrownianPath(low, high, like.shape, seed)
    device = like.device

    def draw(sigma: float, sigma_next: float, like: Tensor | None = None) -> Tensor:
        return path.noise(sigma, sigma_next).to(device)

    return draw
