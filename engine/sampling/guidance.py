"""Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598) over texts of any number and length."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from engine.sampling.denoiser import Condition, Denoiser

# Predicts what is behind x (B, C, H, W) at sigma, given one condition a sample.
Predict = Callable[[Tensor, float, Condition], Tensor]

# Beyond this many repeats a shared call costs more than two calls.
MAX_REPEATS = 4


def guide(
    predict: Predict, positive: Sequence[Condition], negative: Sequence[Condition], cfg: float
) -> Denoiser:
    """A denoiser pulled from `negative` towards `positive` by the scale `cfg`; 1 leaves the negative out.

    A condition is repeated where its batch is less than the latent's; several of one side count equally.
    """
    ignores_negative = math.isclose(cfg, 1.0)
    conditions = [*positive] if ignores_negative else [*positive, *negative]

    def denoise(x: Tensor, sigma: float) -> Tensor:
        results = _predict_all(predict, x, sigma, conditions)
        towards = torch.stack(results[: len(positive)]).mean(dim=0)
        if ignores_negative:
            return towards
        away = torch.stack(results[len(positive) :]).mean(dim=0)
        return away + (towards - away) * cfg

    return denoise


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
