"""Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598) over texts of any number and length."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from engine.sampling.denoiser import Condition

# Predicts what is behind x (B, C, H, W) at sigma, given one condition a sample.
Predict = Callable[[Tensor, float, Condition], Tensor]

# Beyond this many repeats a shared call costs more than two calls.
MAX_REPEATS = 4


@dataclass(frozen=True, eq=False)
class Guided:
    """A denoiser that adds up the estimates of several sides, each with its weight; weights sum to 1.

    The last side is the one without the prompt. A condition is repeated where its batch is less than the
    latent's; several of one side count equally; a side without weight is not evaluated.
    """

    predict: Predict
    sides: tuple[Sequence[Condition], ...]
    weights: tuple[float, ...]

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """The weighted estimate."""
        chosen = [
            place for place, weight in enumerate(self.weights) if not math.isclose(weight, 0, abs_tol=1e-9)
        ]
        estimates = estimate_sides(self.predict, x, sigma, [self.sides[place] for place in chosen])
        return _add_up(estimates, [self.weights[place] for place in chosen])

    def with_unconditional(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """The weighted estimate and the last side's."""
        estimates = estimate_sides(self.predict, x, sigma, self.sides)
        return _add_up(estimates, self.weights), estimates[-1]


def guide(
    predict: Predict, positive: Sequence[Condition], negative: Sequence[Condition], cfg: float
) -> Guided:
    """A denoiser pulled from `negative` towards `positive` by the scale `cfg`; 1 leaves the negative out."""
    return Guided(predict, (positive, negative), (cfg, 1 - cfg))


def estimate_sides(
    predict: Predict, x: Tensor, sigma: float, sides: Sequence[Sequence[Condition]]
) -> list[Tensor]:
    """What each side expects behind x, the mean of its conditions; in one call where that is possible."""
    results = _predict_all(predict, x, sigma, [condition for side in sides for condition in side])
    ends = list(accumulate(len(side) for side in sides))
    return [
        torch.stack(results[end - len(side) : end]).mean(dim=0) for side, end in zip(sides, ends, strict=True)
    ]


def _add_up(estimates: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    first, *rest = (
        estimate if weight == 1 else estimate * weight
        for estimate, weight in zip(estimates, weights, strict=True)
    )
    return sum(rest, start=first)


def _predict_all(predict: Predict, x: Tensor, sigma: float, conditions: Sequence[Condition]) -> list[Tensor]:
    """One result a condition: in one call where the texts can be brought to one length."""
    fitted = [_fit(condition, x.shape[0]) for condition in conditions]
    joined = join(fitted)
    if joined is None:
        return [predict(x, sigma, condition) for condition in fitted]
    return list(predict(x.repeat(len(fitted), 1, 1, 1), sigma, joined).chunk(len(fitted)))


def _fit(condition: Condition, batch: int) -> Condition:
    """The condition with one entry a sample."""

    def repeat(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor[torch.arange(batch) % len(tensor)]

    text = condition.text[torch.arange(batch) % len(condition.text)]
    return Condition(text, repeat(condition.vector), repeat(condition.channels))


def join(conditions: Sequence[Condition]) -> Condition | None:
    """Conditions of equal batch as one batch; None where texts cannot be joined, or a part is not in all."""
    text = join_texts([condition.text for condition in conditions])
    vectors = [condition.vector for condition in conditions if condition.vector is not None]
    channels = [condition.channels for condition in conditions if condition.channels is not None]
    is_uneven = {len(vectors), len(channels)} - {0, len(conditions)}
    if text is None or is_uneven:
        return None
    return Condition(text, torch.cat(vectors) if vectors else None, torch.cat(channels) if channels else None)


def join_texts(texts: Sequence[Tensor]) -> Tensor | None:
    """Texts (B, T_i, D) as one batch, each repeated to the lowest common length; None if that repeats too
    often.

    Cross-attention to a text said twice is the same as to the text said once.
    """
    length = math.lcm(*(text.shape[1] for text in texts))
    if length > MAX_REPEATS * min(text.shape[1] for text in texts):
        return None
    return torch.cat([text.repeat(1, length // text.shape[1], 1) for text in texts])
