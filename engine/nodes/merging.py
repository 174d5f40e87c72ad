"""Nodes that mix the weights of two models of one family. Nothing is computed before a node leases them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from engine.errors import BadInput
from engine.graph.kinds import Clip, Each, FloatWidget, Model, Tip
from engine.graph.spec import node
from engine.models.detect import find_family
from engine.nodes.lora import encoders_of, with_encoders
from engine.residency.handle import Handle, Mix, Share

Ratio = Annotated[float, FloatWidget(0.0, 1.0, step=0.01), Tip("1 is the first model alone, 0 the second.")]
Multiplier = Annotated[float, FloatWidget(-10.0, 10.0, step=0.01)]
_MERGING, _BY_MODEL = "advanced/model_merging", "advanced/model_merging/model_specific"


@node("ModelMergeSimple", category=_MERGING, title="ModelMergeSimple")
def model_merge_simple(*, model1: Model, model2: Model, ratio: Ratio = 1.0) -> Model:
    """Mixes two networks: ratio of the first, the rest of the second."""
    return _merge(model1, model2, _shares({"": ratio}))


@node("ModelMergeAdd", category=_MERGING, title="ModelMergeAdd")
def model_merge_add(*, model1: Model, model2: Model) -> Model:
    """Adds up two networks, of which one should be a difference."""
    return _merge(model1, model2, (Share("", 1.0, 1.0),))


@node("ModelMergeSubtract", category=_MERGING, title="ModelMergeSubtract")
def model_merge_subtract(*, model1: Model, model2: Model, multiplier: Multiplier = 1.0) -> Model:
    """The difference of two networks, times the multiplier."""
    return _merge(model1, model2, (Share("", multiplier, -multiplier),))


@node("ModelMergeBlocks", category=_MERGING, title="ModelMergeBlocks")
def model_merge_blocks(
    *, model1: Model, model2: Model, input: Ratio = 1.0, middle: Ratio = 1.0, out: Ratio = 1.0
) -> Model:
    """Mixes two networks with a ratio each for the way down, the middle and the way up.

    What belongs to none of them, as the timestep's layers, follows the way down.
    """
    return _merge(model1, model2, _shares({"input": input, "middle": middle, "out": out}))


@node("CLIPMergeSimple", category=_MERGING, title="CLIPMergeSimple")
def clip_merge_simple(*, clip1: Clip, clip2: Clip, ratio: Ratio = 1.0) -> Clip:
    """Mixes two text encoders: ratio of the first, the rest of the second."""
    return _merge_texts(clip1, clip2, _shares({"": ratio}))


@node("CLIPMergeAdd", category=_MERGING, title="CLIPMergeAdd")
def clip_merge_add(*, clip1: Clip, clip2: Clip) -> Clip:
    """Adds up two text encoders, of which one should be a difference."""
    return _merge_texts(clip1, clip2, (Share("", 1.0, 1.0),))


@node("CLIPMergeSubtract", category=_MERGING, title="CLIPMergeSubtract")
def clip_merge_subtract(*, clip1: Clip, clip2: Clip, multiplier: Multiplier = 1.0) -> Clip:
    """The difference of two text encoders, times the multiplier."""
    return _merge_texts(clip1, clip2, (Share("", multiplier, -multiplier),))


def _names(kind: str, count: int, end: str) -> list[str]:
    return [f"{kind}.{number}{end}" for number in range(count)]


_ENDS = ("time_embed.", "label_emb.")
SD1_BLOCKS = (
    *_ENDS,
    *_names("input_blocks", 12, "."),
    *_names("middle_block", 3, "."),
    *_names("output_blocks", 12, "."),
    "out.",
)
# Without the dot at the end, as prompts have it; there are fewer than ten of each.
SDXL_BLOCKS = (
    *_ENDS,
    *_names("input_blocks", 9, ""),
    *_names("middle_block", 3, ""),
    *_names("output_blocks", 9, ""),
    "out.",
)


@node("ModelMergeSD1", category=_BY_MODEL, title="ModelMergeSD1")
def model_merge_sd1(
    *, model1: Model, model2: Model, **ratios: Annotated[Ratio, Each(SD1_BLOCKS, 1.0)]
) -> Model:
    """Mixes two networks of Stable Diffusion 1.x with a ratio for each block."""
    return _merge(model1, model2, _shares(ratios))


@node("ModelMergeSD2", category=_BY_MODEL, title="ModelMergeSD2")
def model_merge_sd2(
    *, model1: Model, model2: Model, **ratios: Annotated[Ratio, Each(SD1_BLOCKS, 1.0)]
) -> Model:
    """Mixes two networks of Stable Diffusion 2.x with a ratio for each block."""
    return _merge(model1, model2, _shares(ratios))


@node("ModelMergeSDXL", category=_BY_MODEL, title="ModelMergeSDXL")
def model_merge_sdxl(
    *, model1: Model, model2: Model, **ratios: Annotated[Ratio, Each(SDXL_BLOCKS, 1.0)]
) -> Model:
    """Mixes two networks of Stable Diffusion XL with a ratio for each block."""
    return _merge(model1, model2, _shares(ratios))


def _shares(ratios: Mapping[str, float]) -> tuple[Share, ...]:
    return tuple(Share(start, ratio, 1 - ratio) for start, ratio in ratios.items())


def _merge(model1: Model, model2: Model, shares: tuple[Share, ...]) -> Model:
    return replace(model1, handle=_mix(model1.handle, model2.handle, shares))


def _merge_texts(clip1: Clip, clip2: Clip, shares: tuple[Share, ...]) -> Clip:
    pairs: Sequence[tuple[Handle, Handle]] = [*zip(encoders_of(clip1), encoders_of(clip2), strict=False)]
    return with_encoders(clip1, [_mix(first, second, shares) for first, second in pairs])


def _mix(first: Handle, second: Handle, shares: tuple[Share, ...]) -> Handle:
    """Raises BadInput for two families. Itself where every share leaves it as it is."""
    if first.family != second.family:
        one, other = (find_family(handle.family).title for handle in (first, second))
        raise BadInput(
            f"{first.title} ({one}) and {second.title} ({other}) cannot be merged: they are of two families"
        )
    if all((share.kept, share.taken) == (1.0, 0.0) for share in shares):
        return first
    return first.patched(Mix(second, shares))
