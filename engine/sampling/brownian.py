"""Brownian motion as a function of the noise level: however finely a run is cut into steps, one seed gives
one path.

A virtual tree as in Li et al. 2020 (arXiv 2001.01328, section 4): halves are bridged again and again, each
with a seed of its own, down to the level asked for. Seeds, and the grid that levels are rounded to, are those
of torchsde 0.2.6's BrownianTree, so that a seed means the same picture.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

# Levels are told apart to this many digits after the point.
DIGITS = 6
SEED_POOL_WORDS = 24


@dataclass(frozen=True)
class _Stretch:
    """Part of the path. `key` and `depth` are its place in the tree; `increment` is the path's over it."""

    start: float
    end: float
    increment: Tensor
    key: int = 0
    depth: int = 0


@dataclass
class BrownianPath:
    """A path over levels [low, high], for a tensor of `shape`, float32, on the CPU. `seed` has any size."""

    low: float
    high: float
    shape: torch.Size
    seed: int
    # The last level asked for and the path there: the next step begins where the last one ended.
    _known: tuple[float, Tensor] | None = field(default=None, init=False)

    def noise(self, sigma: float, sigma_next: float) -> Tensor:
        """Unit noise of the step from `sigma` to `sigma_next`. Levels beyond the ends count as the ends."""
        if sigma == sigma_next:
            return torch.zeros(self.shape)
        here = self._at(sigma)
        there = self._at(sigma_next)
        return (there - here) / abs(sigma_next - sigma) ** 0.5

    def _at(self, sigma: float) -> Tensor:
        """The path at a level, 0 at `low`."""
        level = _round(min(max(sigma, self.low), self.high))
        if self._known is None or self._known[0] != level:
            self._known = level, self._descend(level)
        return self._known[1]

    def _descend(self, level: float) -> Tensor:
        root = np.random.SeedSequence(self.seed, pool_size=SEED_POOL_WORDS)
        whole = self._draw(root) * (self.high - self.low) ** 0.5
        stretch = _Stretch(_round(self.low), _round(self.high), whole)
        reached = torch.zeros(self.shape)
        while stretch.start < level < stretch.end:
            left, right = self._split(stretch)
            if level < right.start:
                stretch = left
            else:
                reached, stretch = reached + left.increment, right
        return reached if level <= stretch.start else reached + stretch.increment

    def _split(self, stretch: _Stretch) -> tuple[_Stretch, _Stretch]:
        """The two halves, by a Brownian bridge."""
        start, end = stretch.start, stretch.end
        middle = _round((start + end) / 2)
        share = (middle - start) / (end - start)
        seeds = np.random.SeedSequence(
            self.seed, spawn_key=(stretch.key, stretch.depth), pool_size=SEED_POOL_WORDS
        )
        spread = math.sqrt((middle - start) * (end - middle) / (end - start))
        left = stretch.increment * share + self._draw(seeds) * spread
        depth = stretch.depth + 1
        return (
            _Stretch(start, middle, left, 2 * stretch.key, depth),
            _Stretch(middle, end, stretch.increment - left, 2 * stretch.key + 1, depth),
        )

    def _draw(self, seeds: np.random.SeedSequence) -> Tensor:
        generator = torch.Generator(device="cpu").manual_seed(int(seeds.generate_state(1)[0]))
        return torch.randn(self.shape, generator=generator)


def _round(level: float) -> float:
    return round(level, DIGITS)
