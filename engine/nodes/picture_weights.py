"""How much a picture that prompts a model counts in each cross-attention, and what that is applied to."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

from torch import Tensor

from engine.graph.kinds import Tip
from engine.models.ip_adapter import Spot

WeightKind: TypeAlias = Literal[
    "linear",
    "ease in",
    "ease out",
    "ease in-out",
    "reverse in-out",
    "weak input",
    "weak output",
    "weak middle",
    "strong middle",
    "style transfer",
    "composition",
]
WeightType = Annotated[WeightKind, Tip("Where in the network the picture counts how much.")]
ScalingKind: TypeAlias = Literal["V only", "K+V", "K+V w/ C penalty", "K+mean(V) w/ C penalty"]
Scaling = Annotated[ScalingKind, Tip("What the weight is applied to.")]

# The least share of the weight at the ends of an ease, and that of a weak part.
_EASE, _WEAK = 0.05, 0.2
# The channels at which a penalty is 1.
_FULL_CHANNELS = 1280
# How much counts at which transformer. SDXL: Wang et al. 2024, InstantStyle (arXiv 2404.02733); the others:
# as people know it from IPAdapter plus.
_STYLE_XL, _COMPOSITION_XL = {6: 1.0}, {3: 1.0}
_STYLE: Mapping[int, float] = dict.fromkeys((0, 1, 2, 3, 9, 10, 11, 12, 13, 14, 15), 1.0)
_COMPOSITION = {4: 0.25, 5: 1.0}


def weights_at(spots: Sequence[Spot], weight: float, kind: WeightKind, *, is_large: bool) -> list[float]:
    """The weight at each cross-attention. is_large: of SDXL."""
    count = 1 + max(spot.number for spot in spots)
    return [weight * _share(spot, count, kind, is_large=is_large) for spot in spots]


def _share(spot: Spot, count: int, kind: WeightKind, *, is_large: bool) -> float:
    """Of one cross-attention; `count`: of the network's transformers."""
    place = spot.number / count
    from_middle = abs(2 * place - 1)
    eases = {
        "ease in": 1 - place,
        "ease out": place,
        "ease in-out": 1 - from_middle,
        "reverse in-out": from_middle,
    }
    if kind in eases:
        return _EASE + (1 - _EASE) * eases[kind]
    if kind == "style transfer":
        return (_STYLE_XL if is_large else _STYLE).get(spot.number, 0.0)
    if kind == "composition":
        return (_COMPOSITION_XL if is_large else _COMPOSITION).get(spot.number, 0.0)
    is_weak = kind == f"weak {spot.half}" or (kind == "strong middle" and spot.half != "middle")
    return _WEAK if is_weak else 1.0


def scale(keys: Tensor, values: Tensor, weight: float, kind: ScalingKind) -> tuple[Tensor, Tensor]:
    """Keys and values (2, T, C) with the weight in them. A penalty C / 1280 evens out the layers' widths."""
    if kind == "V only":
        return keys, values * weight
    if kind == "K+V":
        return keys * weight, values * weight
    weight *= keys.shape[-1] / _FULL_CHANNELS
    if kind == "K+V w/ C penalty":
        return keys * weight, values * weight
    mean = values.mean(dim=1, keepdim=True)
    return keys * weight, values - mean + mean * weight
