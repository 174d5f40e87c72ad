"""Nodes that make conditioning, say where, when and how strongly it counts, and put several together."""

from dataclasses import replace
from typing import Annotated, Literal

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.errors import BadInput
from engine.graph.context import Context
from engine.graph.kinds import (
    Area,
    Clip,
    CondEntry,
    Conditioning,
    FloatWidget,
    Hooks,
    IntWidget,
    Mask,
    RelativeArea,
    Text,
    Tip,
)
from engine.graph.spec import node
from engine.nodes.text_encoding import encode_prompts

# Pixels a latent cell, in ComfyUI's areas.
CELL = 8

AreaSide = Annotated[int, IntWidget(64, 16_384, step=8)]
AreaStart = Annotated[int, IntWidget(0, 16_384, step=8)]
Share = Annotated[float, FloatWidget(0, 1.0, step=0.01)]
Percent = Annotated[float, FloatWidget(0.0, 1.0, step=0.001)]
Strength = Annotated[float, FloatWidget(0.0, 10.0, step=0.01)]
AverageStrength = Annotated[
    float, FloatWidget(0.0, 1.0, step=0.01), Tip("1 is conditioning_to alone, 0 conditioning_from alone.")
]
CondArea = Annotated[
    Literal["default", "mask bounds"],
    Tip("With mask bounds only the masked part is denoised with this text."),
]


@node("CLIPTextEncode", category="conditioning", title="CLIP Text Encode (Prompt)")
def clip_text_encode(*, text: Text, clip: Clip, ctx: Context) -> Conditioning:
    """Encodes a prompt for the denoiser. (word) counts 1.1 times, (word:0.8) 0.8 times."""
    prompts = [text] if clip.second is None else [text, text]
    return Conditioning((encode_prompts(clip, prompts, ctx),))


@node("ConditioningCombine", category="conditioning", title="Conditioning (Combine)")
def conditioning_combine(*, conditioning_1: Conditioning, conditioning_2: Conditioning) -> Conditioning:
    """Lets both guide the picture: their estimates are averaged."""
    return Conditioning(conditioning_1.entries + conditioning_2.entries)


@node("ConditioningAverage", category="conditioning")
def conditioning_average(
    *,
    conditioning_to: Conditioning,
    conditioning_from: Conditioning,
    conditioning_to_strength: AverageStrength = 1.0,
) -> Conditioning:
    """Mixes two encoded texts, token by token; of conditioning_from the first."""
    other, share = _first_of(conditioning_from, "conditioning_from"), conditioning_to_strength
    return Conditioning(tuple(_mix(entry, other, share) for entry in conditioning_to.entries))


@node("ConditioningConcat", category="conditioning", title="Conditioning (Concat)")
def conditioning_concat(*, conditioning_to: Conditioning, conditioning_from: Conditioning) -> Conditioning:
    """Puts the tokens of one text behind those of another; of conditioning_from the first."""
    tail = _first_of(conditioning_from, "conditioning_from").cond
    longer = (replace(entry, cond=torch.cat([entry.cond, tail], 1)) for entry in conditioning_to.entries)
    return Conditioning(tuple(longer))


@node("ConditioningSetArea", category="conditioning", title="Conditioning (Set Area)")
def conditioning_set_area(
    *,
    conditioning: Conditioning,
    width: AreaSide = 64,
    height: AreaSide = 64,
    x: AreaStart = 0,
    y: AreaStart = 0,
    strength: Strength = 1.0,
) -> Conditioning:
    """Lets the text count in a rectangle only, given in pixels."""
    area = Area(height // CELL, width // CELL, y // CELL, x // CELL)
    return _in_area(conditioning, area, strength)


@node(
    "ConditioningSetAreaPercentage",
    category="conditioning",
    title="Conditioning (Set Area with Percentage)",
)
def conditioning_set_area_percentage(
    *,
    conditioning: Conditioning,
    width: Share = 1.0,
    height: Share = 1.0,
    x: Share = 0,
    y: Share = 0,
    strength: Strength = 1.0,
) -> Conditioning:
    """Lets the text count in a rectangle only, given in shares of the picture's sides."""
    return _in_area(conditioning, RelativeArea(height, width, y, x), strength)


@node("ConditioningSetAreaStrength", category="conditioning")
def conditioning_set_area_strength(*, conditioning: Conditioning, strength: Strength = 1.0) -> Conditioning:
    """Weighs the text against others that are combined with it."""
    return Conditioning(tuple(replace(entry, strength=strength) for entry in conditioning.entries))


@node("ConditioningSetMask", category="conditioning", title="Conditioning (Set Mask)")
def conditioning_set_mask(
    *, conditioning: Conditioning, mask: Mask, strength: Strength = 1.0, set_cond_area: CondArea
) -> Conditioning:
    """Lets the text count as much as the mask says in each place."""
    is_cut = set_cond_area != "default"
    masked = (
        replace(entry, mask=mask.values, mask_strength=strength, is_cut_to_mask=is_cut)
        for entry in conditioning.entries
    )
    return Conditioning(tuple(masked))


@node("ConditioningSetTimestepRange", category="advanced/conditioning")
def conditioning_set_timestep_range(
    *, conditioning: Conditioning, start: Percent = 0.0, end: Percent = 1.0
) -> Conditioning:
    """Lets the text count on a part of the way from noise (0) to picture (1) only."""
    return Conditioning(tuple(replace(entry, start=start, end=end) for entry in conditioning.entries))


@node(
    "ConditioningSetDefaultCombine",
    category="advanced/hooks/cond single",
    title="Cond Set Default Combine",
)
def conditioning_set_default_combine(
    *,
    cond: Conditioning,
    cond_DEFAULT: Conditioning,  # noqa: N803 -- ComfyUI's name of the input
    hooks: Hooks | None = None,
) -> Conditioning:
    """Lets cond_DEFAULT count where the masks and areas of cond leave something over."""
    rest = (replace(entry, is_rest=True) for entry in cond_DEFAULT.entries)
    return Conditioning((*cond.entries, *rest))


@node("ConditioningZeroOut", category="advanced/conditioning")
def conditioning_zero_out(*, conditioning: Conditioning) -> Conditioning:
    """Zeros in place of what the text encoder said."""
    return Conditioning(tuple(_silence(entry) for entry in conditioning.entries))


def _in_area(conditioning: Conditioning, area: Area | RelativeArea, strength: float) -> Conditioning:
    placed = (
        replace(entry, area=area, strength=strength, is_cut_to_mask=False) for entry in conditioning.entries
    )
    return Conditioning(tuple(placed))


def _silence(entry: CondEntry) -> CondEntry:
    pooled = None if entry.pooled is None else torch.zeros_like(entry.pooled)
    return replace(entry, cond=torch.zeros_like(entry.cond), pooled=pooled)


def _first_of(conditioning: Conditioning, name: str) -> CondEntry:
    if not conditioning.entries:
        raise BadInput(f"{name} has no encoded text")
    return conditioning.entries[0]


def _mix(entry: CondEntry, other: CondEntry, share: float) -> CondEntry:
    """`share` of the entry and the rest of the other, whose text is cut or filled up with zeros."""
    length = entry.cond.shape[1]
    tail = other.cond[:, :length]
    tail = F.pad(tail, (0, 0, 0, length - tail.shape[1]))
    return replace(
        entry,
        cond=entry.cond * share + tail * (1 - share),
        pooled=_mix_pooled(entry.pooled, other.pooled, share),
    )


def _mix_pooled(pooled: Tensor | None, other: Tensor | None, share: float) -> Tensor | None:
    if pooled is None or other is None:
        return other if pooled is None else pooled
    return pooled * share + other * (1 - share)
