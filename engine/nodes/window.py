"""Extremes over a square window around each element; beyond the edges there is nothing to compare with."""

import math

import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor


def maximum(x: Tensor, size: int, axes: tuple[int, ...] = (-1, -2)) -> Tensor:
    """(..., H, W) -> the same shape: the largest of `size` elements along each axis.

    Of an even number, one more lies before the element than behind it.
    """
    before = size // 2
    for axis in axes:
        moved = x.movedim(axis, -1)
        rows = moved.reshape(1, -1, moved.shape[-1])
        # Wider windows than twice the row find the same.
        left, right = min(before, rows.shape[-1]), min(size - 1 - before, rows.shape[-1])
        padded = F.pad(rows, (left, right), value=-math.inf)
        x = F.max_pool1d(padded, left + right + 1, stride=1).reshape(moved.shape).movedim(-1, axis)
    return x


def minimum(x: Tensor, size: int, axes: tuple[int, ...] = (-1, -2)) -> Tensor:
    """The smallest, likewise."""
    return -maximum(-x, size, axes)
