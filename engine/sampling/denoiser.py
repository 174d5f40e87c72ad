"""The types that everything in sampling speaks."""

from typing import Protocol

from torch import Tensor


class Denoiser(Protocol):
    """The one convention of samplers."""

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """The clean latent expected behind `x` (B, C, H, W), whose noise has standard deviation `sigma`."""
        ...


class Network(Protocol):
    """A network as it was trained, before any adaptation."""

    def __call__(self, x: Tensor, timestep: Tensor, context: Tensor) -> Tensor:
        """(B, C, H, W), (B,), (B, T, D) -> (B, C, H, W); what it predicts is the family's business."""
        ...


class OnStep(Protocol):
    """Told after each step; may raise to stop."""

    def __call__(self, step: int, denoised: Tensor) -> None:
        """`step` counts from 0; `denoised` is the step's estimate, in model space."""
        ...


def ignore(step: int, denoised: Tensor) -> None:
    """The OnStep that does nothing."""
