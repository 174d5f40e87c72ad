"""Nodes that cut and change noise levels."""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Annotated, Literal

import torch

from engine.graph.kinds import EXACT, Denoise, FloatWidget, IntWidget, Model, Sigmas
from engine.graph.spec import node
from engine.nodes.denoising import sigmas_of
from engine.nodes.sampling import StepNumber

_CATEGORY = "sampling/custom_sampling/sigmas"
_HIGH_AND_LOW = ("high_sigmas", "low_sigmas")
# What a 0 becomes at the start of a walk upwards, where samplers divide by the level.
ALMOST_CLEAN = 0.0001

# From a share of a step to the share of its change that is done there.
SPACINGS: Mapping[str, Callable[[float], float]] = {
    "linear": lambda share: share,
    "cosine": lambda share: math.sin(share * math.pi / 2),
    "sine": lambda share: 1 - math.cos(share * math.pi / 2),
}


@node("SplitSigmas", category=_CATEGORY, output_names=_HIGH_AND_LOW)
def split_sigmas(*, sigmas: Sigmas, step: StepNumber = 0) -> tuple[Sigmas, Sigmas]:
    """The levels up to a step, and from it on."""
    return Sigmas(sigmas.levels[: step + 1]), Sigmas(sigmas.levels[step:])


@node("SplitSigmasDenoise", category=_CATEGORY, output_names=_HIGH_AND_LOW)
def split_sigmas_denoise(*, sigmas: Sigmas, denoise: Denoise = 1.0) -> tuple[Sigmas, Sigmas]:
    """Splits so that the second part has the share `denoise` of the steps."""
    steps = max(len(sigmas.levels) - 1, 0)
    first = steps - round(steps * denoise)
    return Sigmas(sigmas.levels[: first + 1]), Sigmas(sigmas.levels[first:])


@node("FlipSigmas", category=_CATEGORY)
def flip_sigmas(*, sigmas: Sigmas) -> Sigmas:
    """The levels upwards, to turn a picture into the noise that it comes from."""
    levels = sigmas.levels.flip(0)
    if len(levels) and levels[0] == 0:
        levels[0] = ALMOST_CLEAN
    return Sigmas(levels)


@node("SetFirstSigma", category=_CATEGORY)
def set_first_sigma(
    *, sigmas: Sigmas, sigma: Annotated[float, FloatWidget(0.0, 20_000.0, step=0.001, round=EXACT)] = 136.0
) -> Sigmas:
    """Puts another level in the first one's place."""
    levels = sigmas.levels.clone()
    levels[:1] = sigma
    return Sigmas(levels)


@node("ExtendIntermediateSigmas", category=_CATEGORY)
def extend_intermediate_sigmas(
    *,
    sigmas: Sigmas,
    steps: Annotated[int, IntWidget(1, 100)] = 2,
    start_at_sigma: Annotated[float, FloatWidget(-1.0, 20_000.0, step=0.01, round=EXACT)] = -1.0,
    end_at_sigma: Annotated[float, FloatWidget(0.0, 20_000.0, step=0.01, round=EXACT)] = 12.0,
    spacing: Literal["linear", "cosine", "sine"],
) -> Sigmas:
    """Makes several steps of each one that begins between the two levels; -1: from the first."""
    top = math.inf if start_at_sigma < 0 else start_at_sigma
    shares = [SPACINGS[spacing](step / steps) for step in range(steps)]
    levels: list[float] = []
    for sigma, sigma_next in pairwise(sigmas.levels.tolist()):
        is_extended = end_at_sigma <= sigma <= top
        levels += [sigma + (sigma_next - sigma) * share for share in (shares if is_extended else [0.0])]
    return Sigmas(torch.tensor([*levels, *sigmas.levels[-1:].tolist()], dtype=torch.float32))


@node("SamplingPercentToSigma", category=_CATEGORY, output_names=("sigma_value",))
def sampling_percent_to_sigma(
    *,
    model: Model,
    sampling_percent: Annotated[float, FloatWidget(0.0, 1.0, step=0.0001)] = 0.0,
    return_actual_sigma: bool = False,
) -> float:
    """The level where a share of the way is done. Its ends lie beyond all levels, if not asked for actual
    ones.
    """
    sigmas = sigmas_of(model)
    if return_actual_sigma and sampling_percent in (0.0, 1.0):
        return sigmas.sigma_max if sampling_percent == 0.0 else sigmas.sigma_min
    return sigmas.sigma_at_percent(sampling_percent)
