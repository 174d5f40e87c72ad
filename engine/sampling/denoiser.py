"""The types that everything in sampling speaks."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from engine.sampling.regions import EVERYWHERE, Region


@dataclass(frozen=True, eq=False)
class Condition:
    """What a network is told beside the noisy latent; each tensor has a batch of its own or of 1.

    text: (B, T, D).  vector: (B, V), as SDXL takes.  channels: (B, C', h, w), beside the latent's own.
    region: where and when it is told.  control: what else it tells the network, from a picture;
    `is_control_shared` where the other sides, too, are to be told it.  are_negative: of each condition that
    is joined in this one, whether it is of the side to move away from.
    """

    text: Tensor
    vector: Tensor | None = None
    channels: Tensor | None = None
    region: Region = EVERYWHERE
    control: "Control | None" = None
    is_control_shared: bool = False
    are_negative: tuple[bool, ...] = (False,)

    @property
    def parts(self) -> int:
        """How many conditions are joined."""
        return len(self.are_negative)


class Control(Protocol):
    """Control networks that are bound to a picture. Equal ones say the same."""

    def __call__(self, x: Tensor, sigma: float, timestep: Tensor, condition: Condition) -> object | None:
        """What the network shall add to its inner values while it sees `x`, as only it understands it.

        x: (B, C, H, W), scaled for the network.  timestep: (B,).
        """
        ...


class Denoiser(Protocol):
    """The one convention of samplers."""

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """The clean latent expected behind `x` (B, C, H, W), whose noise has standard deviation `sigma`."""
        ...


class GuidedDenoiser(Denoiser, Protocol):
    """A denoiser that can also tell what it would expect without the prompt, as CFG++ needs."""

    def with_unconditional(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """What a call gives, and the estimate of the negative side beside it; each (B, C, H, W)."""
        ...


class Network(Protocol):
    """A network as it was trained, before any adaptation."""

    def __call__(
        self,
        x: Tensor,
        timestep: Tensor,
        context: Tensor,
        vector: Tensor | None = None,
        control: object | None = None,
    ) -> Tensor:
        """(B, C, H, W), (B,), (B, T, D), (B, V) -> (B, C, H, W); what it predicts is the family's matter."""
        ...


class OnStep(Protocol):
    """Told after each step; may raise to stop."""

    def __call__(self, step: int, denoised: Tensor) -> None:
        """`step` counts from 0; `denoised` is the step's estimate, in model space."""
        ...


def ignore(step: int, denoised: Tensor) -> None:
    """The OnStep that does nothing."""
