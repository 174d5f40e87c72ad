"""Other ways to combine the two sides of guidance, and masks that open with time."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from engine.graph.adaptations import (
    OperatedGuidance,
    PerpendicularNegative,
    PerturbedAttention,
    ProjectedGuidance,
    RedirectedGuidance,
    RenormalisedGuidance,
    RescaledGuidance,
    ScaledNoise,
    TangentialDamping,
    ZeroStarGuidance,
)
from engine.sampling.corrections import RunningGuidance, damp_tangent, project, redirect, renormalise
from engine.sampling.guidance import Guided
from engine.sampling.inpaint import MaskAt
from engine.sampling.sigmas import DiscreteSigmas

GuidanceAdaptation = (
    PerturbedAttention
    | RescaledGuidance
    | ZeroStarGuidance
    | PerpendicularNegative
    | ProjectedGuidance
    | TangentialDamping
    | RenormalisedGuidance
    | RedirectedGuidance
    | ScaledNoise
    | OperatedGuidance
)
_TINY = 1e-8


@dataclass(frozen=True, eq=False)
class Moment:
    """One step: x (B, C, H, W) at sigma, what each side expects behind it, and the sides' weights."""

    x: Tensor
    sigma: float
    estimates: Sequence[Tensor]
    weights: Sequence[float]

    @property
    def positive(self) -> Tensor:
        """What the first side expects."""
        return self.estimates[0]

    @property
    def negative(self) -> Tensor:
        """What the side without the prompt expects."""
        return self.estimates[-1]

    @property
    def guided(self) -> Tensor:
        """The plain combination."""
        return sum(
            (estimate * weight for estimate, weight in zip(self.estimates, self.weights, strict=True)),
            start=torch.zeros_like(self.x),
        )


@dataclass(frozen=True, eq=False)
class AdaptedGuidance:
    """A guided denoiser whose estimates are combined as `adaptations` say, in their order.

    perturbed: entered around calls of the network without self-attention.
    """

    guided: Guided
    adaptations: Sequence[GuidanceAdaptation]
    perturbed: Callable[[], AbstractContextManager[None]]
    # Of the run so far, by the place of the adaptation that adds up.
    _running: dict[int, RunningGuidance] = field(default_factory=dict[int, RunningGuidance])

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """The combined estimate."""
        return self._combine(self._look(x, sigma))

    def with_unconditional(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """The combined estimate and the last side's."""
        moment = self._look(x, sigma, needs_all=True)
        return self._combine(moment), moment.negative

    def _look(self, x: Tensor, sigma: float, *, needs_all: bool = False) -> Moment:
        """A side without weight is spared: nothing depends on it but the perpendicular part."""
        weights = self.guided.weights
        needs_all |= any(isinstance(found, PerpendicularNegative) for found in self.adaptations)
        places = [place for place, weight in enumerate(weights) if needs_all or place == 0 or weight]
        sides = [self.guided.matched[place] for place in places]
        found = dict(zip(places, self.guided.estimate(x, sigma, sides), strict=True))
        estimates = [found.get(place, found[0]) for place in range(len(weights))]
        return self._prepare(Moment(x, sigma, estimates, weights))

    def _prepare(self, moment: Moment) -> Moment:
        """The sides as some adaptations have them before they are combined."""
        for place, adaptation in enumerate(self.adaptations):
            positive, negative = moment.positive, moment.negative
            match adaptation:
                case ProjectedGuidance(momentum=momentum) if moment.weights[0]:
                    guidance = positive - negative
                    added = guidance
                    if momentum:
                        running = self._running.setdefault(place, RunningGuidance())
                        added = running.add(guidance, moment.sigma, momentum)
                    # So that the sum of both sides becomes positive + cfg * projected.
                    positive = negative + project(added, positive, adaptation) + guidance / moment.weights[0]
                case OperatedGuidance(operation):
                    # One side alone is operated on as it is.
                    base = negative if len(moment.estimates) > 1 else torch.zeros_like(positive)
                    positive = operation(positive - base) + base
                    moment = replace(moment, estimates=[positive, *moment.estimates[1:]])
                    continue
                case TangentialDamping():
                    negative = damp_tangent(moment.x, positive, negative)
                case _:
                    continue
            if len(moment.estimates) > 1:
                moment = replace(moment, estimates=[positive, *moment.estimates[1:-1], negative])
        return moment

    def _combine(self, moment: Moment) -> Tensor:
        result = self._choose(moment)
        for adaptation in self.adaptations:
            match adaptation:
                case ZeroStarGuidance():
                    result = result + zero_star(moment)
                case PerturbedAttention(scale):
                    result = result + (moment.positive - self._without_attention(moment)) * scale
                case RedirectedGuidance():
                    result = redirect(result, moment.positive, moment.negative, moment.weights[0])
                case ScaledNoise(factor):
                    result = moment.x - (moment.x - result) / factor
                case _:
                    pass
        return result

    def _choose(self, moment: Moment) -> Tensor:
        """There is one way to combine, the last that was chosen; other adaptations correct what it gives."""
        for adaptation in reversed(self.adaptations):
            match adaptation:
                case RescaledGuidance(multiplier):
                    return rescale(moment, multiplier)
                case PerpendicularNegative(scale):
                    return perpendicular(moment, scale)
                case RenormalisedGuidance():
                    return renormalise(moment.guided, moment.positive, moment.sigma, adaptation)
                case _:
                    pass
        return moment.guided

    def _without_attention(self, moment: Moment) -> Tensor:
        with self.perturbed():
            (estimate,) = self.guided.estimate(moment.x, moment.sigma, [self.guided.matched[0]])
        return estimate


def rescale(moment: Moment, multiplier: float) -> Tensor:
    """Guidance on velocities, brought by `multiplier` (0 to 1) of the way to the positive side's deviation
    (section 3.4 of the paper).
    """
    total = moment.sigma**2 + 1
    share = moment.sigma / total**0.5

    def velocity(denoised: Tensor) -> Tensor:
        return (moment.x / total - denoised) / share

    positive, guided = velocity(moment.positive), velocity(moment.guided)
    spread = [each.std(dim=(1, 2, 3), keepdim=True) for each in (positive, guided)]
    rescaled = guided * (spread[0] / spread[1])
    return moment.x / total - (multiplier * rescaled + (1 - multiplier) * guided) * share


def zero_star(moment: Moment) -> Tensor:
    """What is added to plain guidance to start from the multiple of the negative side that is nearest to the
    positive one, both as noise (section 3.2 of the paper).
    """
    positive, negative = ((moment.x - side).flatten(1) for side in (moment.positive, moment.negative))
    multiple = (positive * negative).sum(dim=1) / (negative.square().sum(dim=1) + _TINY)
    return moment.negative * ((multiple - 1) * moment.weights[-1]).reshape(-1, 1, 1, 1)


def perpendicular(moment: Moment, scale: float) -> Tensor:
    """Guidance by what the positive side adds to the empty one, less what of the negative side is
    perpendicular to it (eq. 8 of the paper). Sides: positive, negative, empty.
    """
    positive, negative = (estimate - moment.negative for estimate in moment.estimates[:2])
    along = (positive * negative).sum() / positive.square().sum()
    return moment.negative + moment.weights[0] * (positive - scale * (negative - along * positive))


def differential_mask(levels: Tensor, sigmas: DiscreteSigmas, strength: float) -> MaskAt:
    """Cells of the mask are free from the share of the way on, in timesteps, that their value leaves.

    levels: of the whole run.  strength: 1 is that alone, below it is mixed with the mask as it is.
    """
    first = sigmas.timestep_at(float(levels[0]))
    last = sigmas.timestep_at(max(float(levels[-1]), sigmas.sigma_min))

    def mask_at(mask: Tensor, sigma: float) -> Tensor:
        threshold = (sigmas.timestep_at(sigma) - last) / (first - last) if first != last else 0.0
        is_free = (mask >= threshold).to(mask.dtype)
        return torch.lerp(mask, is_free, strength) if 0 < strength < 1 else is_free

    return mask_at
