"""How a denoising network is run otherwise than it was trained to be; its weights stay as they are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from engine.graph.kinds import Conditioning


@dataclass(frozen=True)
class FreeU:
    """Stronger features and weaker skips on the way up (Si et al. 2023, arXiv 2309.11497).

    b1, s1 are for the widest blocks, b2, s2 for those of half their width; `is_adaptive`: version 2, whose
    features are strengthened by how strong they are.
    """

    b1: float
    b2: float
    s1: float
    s2: float
    is_adaptive: bool


@dataclass(frozen=True)
class TokenMerging:
    """Alike tokens share a query in the finest self-attention (Bolya and Hoffman 2023, arXiv 2303.17604)."""

    ratio: float


@dataclass(frozen=True)
class PerturbedAttention:
    """Guidance away from what a network without self-attention sees (Ahn et al. 2024, arXiv 2403.17377)."""

    scale: float


@dataclass(frozen=True)
class RescaledGuidance:
    """Guidance that keeps the deviation of the positive side (Lin et al. 2023, arXiv 2305.08891)."""

    multiplier: float


@dataclass(frozen=True)
class ZeroStarGuidance:
    """Guidance from the best multiple of the negative side (Fan et al. 2025, arXiv 2503.18886)."""


@dataclass(frozen=True)
class PerpendicularNegative:
    """Away from the negative side only where that is not the way to the positive one (Armandpour et al. 2023,
    arXiv 2304.04968); both are measured from a third side, the empty text.
    """

    scale: float


@dataclass(frozen=True, eq=False)
class NegativeBesideEmpty:
    """The same, for a run of two sides: this is the empty text."""

    scale: float
    empty: "Conditioning"


@dataclass(frozen=True)
class ProjectedGuidance:
    """Guidance with less of what only raises saturation (Sadat et al. 2024, arXiv 2410.02416).

    eta: how much stays of what is parallel to the positive side.  norm_threshold: how long guidance may be, 0
    for any length.  momentum: how much of the steps before is added; negative ones take it away.
    """

    eta: float
    norm_threshold: float
    momentum: float


@dataclass(frozen=True)
class TangentialDamping:
    """The negative side without what is not in the positive one's way (Kwon et al., arXiv 2503.18137)."""


@dataclass(frozen=True)
class RenormalisedGuidance:
    """Guidance below sigma_max only, and no longer than `ratio` times the positive side (Lumina-Image 2.0,
    Qin et al. 2025, arXiv 2503.21758); 0 leaves any length.
    """

    sigma_max: float
    ratio: float


@dataclass(frozen=True)
class RedirectedGuidance:
    """Guidance that leans on the positive side alone, the more the less alike the negative is (Mahiro)."""


@dataclass(frozen=True)
class ScaledNoise:
    """Less noise is seen than the network says, by the factor (Ning et al. 2023, arXiv 2308.15321)."""

    factor: float


@dataclass(frozen=True)
class DifferentialMask:
    """Masks say how early a cell is free to change (Levin and Fried 2023, arXiv 2306.00950)."""

    strength: float


@dataclass(frozen=True, eq=False)
class PicturePrompt:
    """A picture that is attended to beside the text (Ye et al. 2023, arXiv 2308.06721).

    pairs: keys and values (2, T, C) for each cross-attention, in the order of models/ip_adapter.py; first
    those of the picture, then what the negative side is shown; None where it does not count.  start, end:
    from which share of the way down until which.  mask: (B, H, W) in any size, where it counts.
    """

    pairs: "tuple[tuple[Tensor, Tensor] | None, ...]"
    start: float = 0.0
    end: float = 1.0
    mask: "Tensor | None" = None


@dataclass(frozen=True)
class Seamless:
    """The picture goes on at the opposite edge. across: at left and right.  down: at top and bottom."""

    across: bool
    down: bool


@dataclass(frozen=True)
class DeepShrink:
    """From a block of the way down on the picture is smaller by the factor, and grows again on the way up.

    start, end: from which share of the way until which.  keeps_skip: the block still hands on the whole.
    """

    block: int
    factor: float
    start: float
    end: float
    keeps_skip: bool
    shrink_method: str
    grow_method: str


@dataclass(frozen=True, eq=False)
class OperatedGuidance:
    """Guidance after an operation on the difference of both sides, (B, C, H, W) to the same shape."""

    operation: "Callable[[Tensor], Tensor]"


Adaptation: TypeAlias = (
    FreeU
    | TokenMerging
    | PerturbedAttention
    | RescaledGuidance
    | ZeroStarGuidance
    | PerpendicularNegative
    | DifferentialMask
    | PicturePrompt
    | NegativeBesideEmpty
    | ProjectedGuidance
    | TangentialDamping
    | RenormalisedGuidance
    | RedirectedGuidance
    | ScaledNoise
    | Seamless
    | DeepShrink
    | OperatedGuidance
)
