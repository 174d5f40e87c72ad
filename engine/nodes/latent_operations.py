"""Operations on latents that are handed on: to be applied to a latent, or at every step of sampling."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from torch import Tensor

from engine.graph.kinds import FloatWidget, IntWidget, Latent, SocketValue
from engine.graph.spec import node
from engine.nodes.kernels import convolve, sharpening

# Lengths are divided by; these are below what any latent has.
_TINY, _SMALL = 1e-10, 1e-6
# Lengths beyond this many deviations from the mean are what tone mapping is for.
_DEVIATIONS = 5


@dataclass(frozen=True, eq=False)
class LatentOperation(SocketValue):
    """A function of latents (B, C, H, W) that keeps their shape."""

    socket = "LATENT_OPERATION"
    apply: Callable[[Tensor], Tensor]


@node("LatentApplyOperation", category="latent/advanced/operations", title="LatentApplyOperation")
def latent_apply_operation(*, samples: Latent, operation: LatentOperation) -> Latent:
    """Applies an operation to a latent."""
    return replace(samples, samples=operation.apply(samples.samples))


@node(
    "LatentOperationTonemapReinhard",
    category="latent/advanced/operations",
    title="LatentOperationTonemapReinhard",
)
def latent_operation_tonemap_reinhard(
    *, multiplier: Annotated[float, FloatWidget(0.0, 100.0, step=0.01)] = 1.0
) -> LatentOperation:
    """Shortens long channel vectors, so that a high guidance scale burns less.

    Reinhard et al. 2002: length / (length + 1), in units of the mean plus five deviations times `multiplier`.
    """

    def tonemap(latent: Tensor) -> Tensor:
        length = torch.linalg.vector_norm(latent, dim=1, keepdim=True) + _TINY
        spread = length.std(dim=(1, 2, 3), keepdim=True)
        top = (spread * _DEVIATIONS + length.mean(dim=(1, 2, 3), keepdim=True)) * multiplier
        # length / (length / top + 1), written so that a multiplier of 0 gives zeros.
        return latent / length * (length * top / (length + top))

    return LatentOperation(tonemap)


@node("LatentOperationSharpen", category="latent/advanced/operations", title="LatentOperationSharpen")
def latent_operation_sharpen(
    *,
    sharpen_radius: Annotated[int, IntWidget(1, 31, step=1)] = 9,
    sigma: Annotated[float, FloatWidget(0.1, 10.0, step=0.1)] = 1.0,
    alpha: Annotated[float, FloatWidget(0.0, 5.0, step=0.01)] = 0.1,
) -> LatentOperation:
    """Sharpens the directions of the channel vectors, not their lengths."""
    kernel = sharpening(sharpen_radius, sigma, alpha)

    def sharpen(latent: Tensor) -> Tensor:
        length = torch.linalg.vector_norm(latent, dim=1, keepdim=True) + _SMALL
        return convolve(latent / length, kernel) * length

    return LatentOperation(sharpen)
