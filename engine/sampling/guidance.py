"""Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598) over texts of any number and length, each
with its region of the picture.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from engine.graph.kinds import Area
from engine.sampling.denoiser import Condition
from engine.sampling.regions import cut, encloses

# Predicts what is behind x (B, C, H, W) at sigma, given one condition a sample.
Predict = Callable[[Tensor, float, Condition], Tensor]

# Beyond this many repeats a shared call costs more than two calls.
MAX_REPEATS = 4
# Added to the sum of weights: cells that no condition tells anything of become 0.
_NOTHING = 1e-37


@dataclass(frozen=True, eq=False)
class Guided:
    """A denoiser that adds up the estimates of several sides, each with its weight; weights sum to 1.

    The last side is the one without the prompt. A condition is repeated where its batch is less than the
    latent's; several of one side count by their regions; a side without weight is not evaluated.
    most_cells: of the latent in one call, B * H * W, None for any number; a single condition is never split.
    """

    predict: Predict
    sides: tuple[Sequence[Condition], ...]
    weights: tuple[float, ...]
    most_cells: int | None = None

    @cached_property
    def matched(self) -> list[list[Condition]]:
        """The sides with equal areas, and the control networks that are for all of them."""
        return share_controls(match_areas(self.sides))

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """The weighted estimate."""
        chosen = [
            place for place, weight in enumerate(self.weights) if not math.isclose(weight, 0, abs_tol=1e-9)
        ]
        estimates = self.estimate(x, sigma, [self.matched[place] for place in chosen])
        return _add_up(estimates, [self.weights[place] for place in chosen])

    def with_unconditional(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """The weighted estimate and the last side's."""
        estimates = self.estimate(x, sigma, self.matched)
        return _add_up(estimates, self.weights), estimates[-1]

    def estimate(self, x: Tensor, sigma: float, sides: Sequence[Sequence[Condition]]) -> list[Tensor]:
        """What each side expects behind x, its conditions' estimates weighted by region; in few calls."""
        cut_sides = [_cut_side(side, x, sigma) for side in sides]
        pieces = [piece for side in cut_sides for piece in side]
        results = iter(_predict_all(self.predict, sigma, pieces, self.most_cells))
        return [
            _blend(x, [(piece, result) for piece, result in zip(side, results, strict=False)])
            for side in cut_sides
        ]


def guide(
    predict: Predict, positive: Sequence[Condition], negative: Sequence[Condition], cfg: float
) -> Guided:
    """A denoiser pulled from `negative` towards `positive` by the scale `cfg`; 1 leaves the negative out."""
    return Guided(predict, (positive, negative), (cfg, 1 - cfg))


def match_areas(sides: Sequence[Sequence[Condition]]) -> list[list[Condition]]:
    """The sides, each with a condition for every area of the others, so that guidance compares like with
    like.

    What is missing is told what the side's smallest enclosing condition is, in the region of the other's.
    """
    matched = [[*side] for side in sides]
    for place, side in enumerate(matched):
        for condition in side:
            for other in matched[:place] + matched[place + 1 :]:
                other += _counterpart(condition, other)
    return matched


def _counterpart(condition: Condition, side: Sequence[Condition]) -> list[Condition]:
    """What the side lacks beside `condition`: one condition or nothing."""
    area = condition.region.area
    if area is None:
        return []
    enclosing = [found for found in side if found.region.area is None or encloses(found.region.area, area)]
    if not enclosing:
        return []
    smallest = min(enclosing, key=_size_of_area)
    if smallest.region.area == area:
        return []
    return [replace(smallest, region=condition.region)]


def share_controls(sides: Sequence[Sequence[Condition]]) -> list[list[Condition]]:
    """The sides, the others controlled as the first where its control is for all and they have none."""
    first, *others = sides
    shared = [found for found in first if found.is_control_shared and found.region.area is None]
    return [[*first], *(_take_controls(other, shared) for other in others)]


def _take_controls(side: Sequence[Condition], shared: Sequence[Condition]) -> list[Condition]:
    taken = [*side]
    places = [place for place, condition in enumerate(side) if condition.region.area is None]
    if not places or any(side[place].control for place in places):
        return taken
    for number, condition in enumerate(shared):
        place = places[number % len(places)]
        taken[place] = replace(side[place], control=condition.control)
    return taken


def _size_of_area(condition: Condition) -> float:
    area = condition.region.area
    return math.inf if area is None else area.height * area.width


@dataclass(frozen=True, eq=False)
class _Piece:
    """One condition at one step: its part of x, and how much its estimate counts in each cell."""

    condition: Condition
    area: Area
    x: Tensor
    weight: Tensor


def _cut_side(side: Sequence[Condition], x: Tensor, sigma: float) -> list[_Piece]:
    """The conditions that hold now; those for the rest fill what the others leave of 1 in each cell."""
    holding = [condition for condition in side if condition.region.holds_at(sigma)]
    pieces = [_cut_piece(condition, x) for condition in holding if not condition.region.is_rest]
    fillers = [_cut_piece(condition, x) for condition in holding if condition.region.is_rest]
    if not fillers:
        return pieces
    rest = x.new_ones(len(x), 1, *x.shape[2:])
    for piece in pieces:
        cut(rest, piece.area).sub_(piece.weight)
    rest.relu_()
    if not rest.any():
        return pieces
    return pieces + [replace(filler, weight=cut(rest, filler.area)) for filler in fillers]


def _cut_piece(condition: Condition, x: Tensor) -> _Piece:
    area = condition.region.clip(x)
    weight = condition.region.weight(x)
    if len(weight) > 1:
        weight = weight[torch.arange(len(x)) % len(weight)]
    return _Piece(_fit(condition, len(x), area), area, cut(x, area), weight)


def _blend(x: Tensor, estimates: Sequence[tuple[_Piece, Tensor]]) -> Tensor:
    """The weighted mean in each cell of x."""
    total, weights = torch.zeros_like(x), x.new_full((len(x), 1, *x.shape[2:]), _NOTHING)
    for piece, estimate in estimates:
        cut(total, piece.area).add_(estimate * piece.weight)
        cut(weights, piece.area).add_(piece.weight)
    return total.div_(weights)


def _add_up(estimates: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    first, *rest = (
        estimate if weight == 1 else estimate * weight
        for estimate, weight in zip(estimates, weights, strict=True)
    )
    return sum(rest, start=first)


def _predict_all(
    predict: Predict, sigma: float, pieces: Sequence[_Piece], most_cells: int | None
) -> list[Tensor]:
    """One result a piece: in one call for all of one size whose texts can be brought to one length, as many
    as there is room for.
    """
    results: dict[int, Tensor] = {}
    for places in _group(pieces, most_cells):
        joined = join([pieces[place].condition for place in places])
        if joined is None:
            results |= {place: predict(pieces[place].x, sigma, pieces[place].condition) for place in places}
            continue
        together = predict(torch.cat([pieces[place].x for place in places]), sigma, joined)
        results |= dict(zip(places, together.chunk(len(places)), strict=True))
    return [results[place] for place in range(len(pieces))]


def _group(pieces: Sequence[_Piece], most_cells: int | None) -> list[list[int]]:
    """The places of pieces that may share a call."""
    groups: list[list[int]] = []
    kinds = [(piece.x.shape, piece.condition.control) for piece in pieces]
    for kind in dict.fromkeys(kinds):
        places = [place for place, other in enumerate(kinds) if other == kind]
        batch, _, height, width = kind[0]
        count = len(places) if most_cells is None else max(1, most_cells // (batch * height * width))
        groups += [places[start : start + count] for start in range(0, len(places), count)]
    return groups


def _fit(condition: Condition, batch: int, area: Area) -> Condition:
    """The condition with one entry a sample, and of its pictures what lies in the area."""

    def repeat(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor[torch.arange(batch) % len(tensor)]

    text = condition.text[torch.arange(batch) % len(condition.text)]
    channels = None if condition.channels is None else cut(condition.channels, area)
    return Condition(
        text,
        repeat(condition.vector),
        repeat(channels),
        control=condition.control,
        are_negative=condition.are_negative,
    )


def join(conditions: Sequence[Condition]) -> Condition | None:
    """Conditions of equal batch and control as one batch; None where texts cannot be joined, or a part is not
    in all.
    """
    text = join_texts([condition.text for condition in conditions])
    vectors = [condition.vector for condition in conditions if condition.vector is not None]
    channels = [condition.channels for condition in conditions if condition.channels is not None]
    is_uneven = {len(vectors), len(channels)} - {0, len(conditions)}
    if text is None or is_uneven:
        return None
    return Condition(
        text,
        torch.cat(vectors) if vectors else None,
        torch.cat(channels) if channels else None,
        control=conditions[0].control,
        are_negative=tuple(part for condition in conditions for part in condition.are_negative),
    )


def join_texts(texts: Sequence[Tensor]) -> Tensor | None:
    """Texts (B, T_i, D) as one batch, each repeated to the lowest common length; None if that repeats too
    often.

    Cross-attention to a text said twice is the same as to the text said once.
    """
    length = math.lcm(*(text.shape[1] for text in texts))
    if length > MAX_REPEATS * min(text.shape[1] for text in texts):
        return None
    return torch.cat([text.repeat(1, length // text.shape[1], 1) for text in texts])
