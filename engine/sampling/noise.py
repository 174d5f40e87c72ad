"""Noise from the CPU's generator, so that a seed gives the same picture on every machine."""

from collections.abc import Callable

import torch
from torch import Tensor

NoiseSource = Callable[[], Tensor]


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
    """A source of unit noise for stochastic samplers: one draw of `like`'s shape a call, on its device."""
    source = generator(seed)
    return lambda: torch.randn(like.shape, generator=source).to(like.device)
