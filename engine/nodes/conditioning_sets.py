"""Nodes that say in one go where, when and how strongly conditioning counts, of one side or of both."""

from dataclasses import dataclass, replace
from typing import Annotated

from engine.graph.kinds import CondEntry, Conditioning, FloatWidget, Hooks, Mask, TimestepsRange
from engine.graph.spec import node
from engine.nodes.conditioning import CondArea, Percent, conditioning_set_default_combine

_SINGLE, _PAIR = "advanced/hooks/cond single", "advanced/hooks/cond pair"
_SIDES = ("positive", "negative")
Strength = Annotated[float, FloatWidget(0.0, 10.0, step=0.01)]


@dataclass(frozen=True, eq=False)
class _Properties:
    """What is set; None leaves it as it is. The strength is the mask's."""

    strength: float
    is_cut_to_mask: bool
    mask: Mask | None
    timesteps: TimestepsRange | None

    def set_on(self, conditioning: Conditioning) -> Conditioning:
        """The conditioning with them."""
        return Conditioning(tuple(map(self._set, conditioning.entries)))

    def _set(self, entry: CondEntry) -> CondEntry:
        if self.mask is not None:
            entry = replace(
                entry,
                mask=self.mask.values,
                mask_strength=self.strength,
                is_cut_to_mask=self.is_cut_to_mask,
            )
        if self.timesteps is not None:
            entry = replace(entry, start=self.timesteps.start, end=self.timesteps.end)
        return entry


def _properties(
    strength: float, set_cond_area: str, mask: Mask | None, timesteps: TimestepsRange | None
) -> _Properties:
    return _Properties(strength, set_cond_area != "default", mask, timesteps)


def _combine(first: Conditioning, second: Conditioning) -> Conditioning:
    return Conditioning(first.entries + second.entries)


@node(
    "ConditioningTimestepsRange",
    category="advanced/hooks",
    title="Timesteps Range",
    output_names=("TIMESTEPS_RANGE", "BEFORE_RANGE", "AFTER_RANGE"),
)
def conditioning_timesteps_range(
    *, start_percent: Percent = 0.0, end_percent: Percent = 1.0
) -> tuple[TimestepsRange, TimestepsRange, TimestepsRange]:
    """A part of the way from noise (0) to picture (1), and what is before and after it."""
    return (
        TimestepsRange(start_percent, end_percent),
        TimestepsRange(0.0, start_percent),
        TimestepsRange(end_percent, 1.0),
    )


@node("ConditioningSetProperties", category=_SINGLE, title="Cond Set Props")
def conditioning_set_properties(
    *,
    cond_NEW: Conditioning,  # noqa: N803 -- ComfyUI's name of the input
    strength: Strength = 1.0,
    set_cond_area: CondArea,
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: TimestepsRange | None = None,
) -> Conditioning:
    """Lets the text count where the mask says, as strongly, and on a part of the way."""
    return _properties(strength, set_cond_area, mask, timesteps).set_on(cond_NEW)


@node("ConditioningSetPropertiesAndCombine", category=_SINGLE, title="Cond Set Props Combine")
def conditioning_set_properties_and_combine(
    *,
    cond: Conditioning,
    cond_NEW: Conditioning,  # noqa: N803 -- ComfyUI's name of the input
    strength: Strength = 1.0,
    set_cond_area: CondArea,
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: TimestepsRange | None = None,
) -> Conditioning:
    """Adds a text that counts where the mask says, as strongly, and on a part of the way."""
    return _combine(cond, _properties(strength, set_cond_area, mask, timesteps).set_on(cond_NEW))


@node("PairConditioningSetProperties", category=_PAIR, title="Cond Pair Set Props", output_names=_SIDES)
def pair_conditioning_set_properties(
    *,
    positive_NEW: Conditioning,  # noqa: N803 -- ComfyUI's name of the input
    negative_NEW: Conditioning,  # noqa: N803 -- ComfyUI's name of the input
    strength: Strength = 1.0,
    set_cond_area: CondArea,
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: TimestepsRange | None = None,
) -> tuple[Conditioning, Conditioning]:
    """Lets both sides count where the mask says, as strongly, and on a part of the way."""
    properties = _properties(strength, set_cond_area, mask, timesteps)
    return properties.set_on(positive_NEW), properties.set_on(negative_NEW)


@node(
    "PairConditioningSetPropertiesAndCombine",
    category=_PAIR,
    title="Cond Pair Set Props Combine",
    output_names=_SIDES,
)
def pair_conditioning_set_properties_and_combine(
    *,
    positive: Conditioning,
    negative: Conditioning,
    positive_NEW: Conditioning,  # noqa: N803 -- ComfyUI's name of the input
    negative_NEW: Conditioning,  # noqa: N803 -- ComfyUI's name of the input
    strength: Strength = 1.0,
    set_cond_area: CondArea,
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: TimestepsRange | None = None,
) -> tuple[Conditioning, Conditioning]:
    """Adds to both sides what counts where the mask says, as strongly, and on a part of the way."""
    properties = _properties(strength, set_cond_area, mask, timesteps)
    return (
        _combine(positive, properties.set_on(positive_NEW)),
        _combine(negative, properties.set_on(negative_NEW)),
    )


@node("PairConditioningCombine", category=_PAIR, title="Cond Pair Combine", output_names=_SIDES)
def pair_conditioning_combine(
    *,
    positive_A: Conditioning,  # noqa: N803 -- ComfyUI's name of the input
    negative_A: Conditioning,  # noqa: N803 -- ComfyUI's name of the input
    positive_B: Conditioning,  # noqa: N803 -- ComfyUI's name of the input
    negative_B: Conditioning,  # noqa: N803 -- ComfyUI's name of the input
) -> tuple[Conditioning, Conditioning]:
    """Lets both pairs guide the picture."""
    return _combine(positive_A, positive_B), _combine(negative_A, negative_B)


@node(
    "PairConditioningSetDefaultCombine",
    category=_PAIR,
    title="Cond Pair Set Default Combine",
    output_names=_SIDES,
)
def pair_conditioning_set_default_combine(
    *,
    positive: Conditioning,
    negative: Conditioning,
    positive_DEFAULT: Conditioning,  # noqa: N803 -- ComfyUI's name of the input
    negative_DEFAULT: Conditioning,  # noqa: N803 -- ComfyUI's name of the input
    hooks: Hooks | None = None,
) -> tuple[Conditioning, Conditioning]:
    """Lets the default pair count where the masks and areas of the other leave something over."""
    return (
        conditioning_set_default_combine(cond=positive, cond_DEFAULT=positive_DEFAULT),
        conditioning_set_default_combine(cond=negative, cond_DEFAULT=negative_DEFAULT),
    )
