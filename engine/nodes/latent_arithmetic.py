"""Nodes that calculate with latents. Where two differ, the second is brought to the size of the first."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

import torch
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import FloatWidget, IntWidget, Latent
from engine.graph.spec import node
from engine.nodes.resize import fit, repeat_to
from engine.nodes.sides import MAX_SIDE_PX

Share = Annotated[float, FloatWidget(0.0, 1.0, step=0.01)]
Multiplier = Annotated[float, FloatWidget(-10.0, 10.0, step=0.01)]
CutIndex = Annotated[int, IntWidget(-MAX_SIDE_PX, MAX_SIDE_PX, step=1)]
CutAmount = Annotated[int, IntWidget(1, MAX_SIDE_PX, step=1)]

# Time comes before height and width; latents of pictures have their channels there.
AXES: Mapping[str, int] = {"x": -1, "y": -2, "t": -3}


@node("LatentAdd", category="latent/advanced", title="LatentAdd")
def latent_add(*, samples1: Latent, samples2: Latent) -> Latent:
    """The sum of two latents."""
    return replace(samples1, samples=samples1.samples + _like(samples2, samples1))


@node("LatentSubtract", category="latent/advanced", title="LatentSubtract")
def latent_subtract(*, samples1: Latent, samples2: Latent) -> Latent:
    """The first latent less the second."""
    return replace(samples1, samples=samples1.samples - _like(samples2, samples1))


@node("LatentMultiply", category="latent/advanced", title="LatentMultiply")
def latent_multiply(*, samples: Latent, multiplier: Multiplier = 1.0) -> Latent:
    """A latent times a number."""
    return replace(samples, samples=samples.samples * multiplier)


@node("LatentInterpolate", category="latent/advanced", title="LatentInterpolate")
def latent_interpolate(*, samples1: Latent, samples2: Latent, ratio: Share = 1.0) -> Latent:
    """Between two latents, directions and lengths of the channel vectors apart; ratio 1 is the first.

    A plain blend of two latents is shorter than both.
    """
    first, second = samples1.samples, _like(samples2, samples1)
    first_length, second_length = (torch.linalg.vector_norm(x, dim=1, keepdim=True) for x in (first, second))
    direction = _divide(first, first_length) * ratio + _divide(second, second_length) * (1 - ratio)
    unit = _divide(direction, torch.linalg.vector_norm(direction, dim=1, keepdim=True))
    return replace(samples1, samples=unit * (first_length * ratio + second_length * (1 - ratio)))


@node("LatentBlend", category="_for_testing", title="Latent Blend")
def latent_blend(*, samples1: Latent, samples2: Latent, blend_factor: Share = 0.5) -> Latent:
    """A plain blend of two latents; blend_factor 1 is the first."""
    other = _like(samples2, samples1, "bicubic")
    return replace(samples1, samples=samples1.samples * blend_factor + other * (1 - blend_factor))


@node("LatentConcat", category="latent/advanced", title="LatentConcat")
def latent_concat(
    *, samples1: Latent, samples2: Latent, dim: Literal["x", "-x", "y", "-y", "t", "-t"]
) -> Latent:
    """Sets the second latent behind the first along an axis, with a minus before it."""
    axis = AXES[dim.removeprefix("-")]
    first, second = samples1.samples, repeat_to(samples2.samples, len(samples1.samples))
    _check_joinable(first, second, axis)
    pair = [second, first] if dim.startswith("-") else [first, second]
    return replace(samples1, samples=torch.cat(pair, dim=axis))


@node("LatentCut", category="latent/advanced", title="LatentCut")
def latent_cut(
    *, samples: Latent, dim: Literal["x", "y", "t"], index: CutIndex = 0, amount: CutAmount = 1
) -> Latent:
    """A slice along an axis; an index below 0 counts from the end."""
    axis = AXES[dim]
    size = samples.samples.shape[axis]
    start = min(index, size - 1) if index >= 0 else max(size + index, 0)
    return replace(samples, samples=samples.samples.narrow(axis, start, min(amount, size - start)))


def check_channels(first: Tensor, second: Tensor) -> None:
    """Raises BadInput for latents of two kinds of VAE."""
    if first.shape[1] != second.shape[1]:
        raise BadInput(
            f"the latents have {first.shape[1]} and {second.shape[1]} channels, so they are of different VAEs"
        )


def _like(latent: Latent, first: Latent, method: str = "bilinear") -> Tensor:
    """The samples in the first's size and number."""
    check_channels(first.samples, latent.samples)
    return repeat_to(fit(latent.samples, first.samples, method), len(first.samples))


def _divide(vector: Tensor, length: Tensor) -> Tensor:
    return torch.where(length == 0, 0, vector / length)


def _check_joinable(first: Tensor, second: Tensor, axis: int) -> None:
    """Raises BadInput unless all other axes are equally long."""
    others = [number for number in range(first.ndim) if number != first.ndim + axis]
    if any(first.shape[number] != second.shape[number] for number in others):
        raise BadInput(
            f"latents of shapes {list(first.shape)} and {list(second.shape)} cannot be joined:"
            " all sides but the one along which they are joined must be equal"
        )
