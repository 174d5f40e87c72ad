"""Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598) over texts of any number and length."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from engine.sampling.denoiser import Denoiser

# Predicts what is behind x (B, C, H, W) at sigma, given one text (B, T, D) a sample.
Predict = Callable[[Tensor, float, Tensor], Tensor]

# Beyond this many repeats a shared call costs more than two calls.
MAX_REPEATS = 4


def guide(predict: Predict, positive: Sequence[Tensor], negative: Sequence[Tensor], cfg: float) -> Denoiser:
    """A denoiser pulled from `negative` towards `positive` by the scale `cfg`; 1 leaves the negative out.

    Each text is (B', T, D), repeated where B' is less than the batch; several texts of one side count
    equally.
    """
    ignores_negative = math.isclose(cfg, 1.0)
    texts = [*positive] if ignores_negative else [*positive, *negative]

    def denoise(x: Tensor, sigma: float) -> Tensor:
        results = _predict_all(predict, x, sigma, texts)
        towards = torch.stack(results[: len(positive)]).mean(dim=0)
        if ignores_negative:
            return towards
        away = torch.stack(results[len(positive) :]).mean(dim=0)
        return away + (towards - away) * cfg

    return denoise


def _predict_all(predict: Predict, x: Tensor, sigma: float, texts: Sequence[Tensor]) -> list[Tensor]:
    """One result a text: in one call where the texts can be brought to one length."""
    batch = x.shape[0]
    fitted = [text[torch.arange(batch) % len(text)] for text in texts]
    joined = join_texts(fitted)
    if joined is None:
        return [predict(x, sigma, text) for text in fitted]
    return list(predict(x.repeat(len(texts), 1, 1, 1), sigma, joined).chunk(len(texts)))


def join_texts(texts: Sequence[Tensor]) -> Tensor | None:
    """Texts (B, T_i, D) as one batch, each repeated to the lowest common length; None if that repeats too
    often.

    Cross-attention to a text said twice is the same as to the text said once.
    """
    length = math.lcm(*(text.shape[1] for text in texts))
    if length > MAX_REPEATS * min(text.shape[1] for text in texts):
        return None
    return torch.cat([text.repeat(1, length // text.shape[1], 1) for text in texts])
