"""Guidance corrected: what sides expect before they are combined, and what comes of it. Estimates are
(B, C, H, W).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.graph.adaptations import ProjectedGuidance, RenormalisedGuidance

_SAMPLE = (1, 2, 3)


@dataclass
class RunningGuidance:
    """Guidance added up from step to step of one run; what is told at a noisier level starts anew."""

    sigma: float = math.inf
    total: Tensor | None = None

    def add(self, guidance: Tensor, sigma: float, momentum: float) -> Tensor:
        """The guidance with `momentum` of what was there."""
        is_new = self.total is None or sigma > self.sigma
        self.total = guidance if is_new or self.total is None else guidance + self.total * momentum
        self.sigma = sigma
        return self.total


def project(guidance: Tensor, positive: Tensor, settings: ProjectedGuidance) -> Tensor:
    """Guidance of at most the threshold's length, with `eta` of what is parallel to the positive side
    (Sadat et al. 2024, algorithm 1).
    """
    if settings.norm_threshold > 0:
        length = _length(guidance)
        guidance = guidance * (settings.norm_threshold / length).clamp(max=1)
    direction = positive / _length(positive)
    parallel = (guidance * direction).sum(dim=_SAMPLE, keepdim=True) * direction
    return guidance - parallel + settings.eta * parallel


def damp_tangent(x: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """The negative side with its noise along the main direction of both sides' alone (Kwon et al. 2025,
    section 3).
    """
    noise = torch.stack([x - negative, x - positive], dim=1).flatten(2).double()  # (B, 2, CHW)
    # The first right singular vector, by way of the products of the two rows.
    _, vectors = torch.linalg.eigh(noise @ noise.mT)
    direction = F.normalize(vectors[..., -1:].mT @ noise, dim=-1)  # (B, 1, CHW)
    kept = (noise[:, :1] @ direction.mT) * direction
    return x - kept.reshape(x.shape).to(x)


def renormalise(guided: Tensor, positive: Tensor, sigma: float, settings: RenormalisedGuidance) -> Tensor:
    """The guided estimate, no longer than `ratio` times the positive one (0: of any length); from sigma_max
    on the positive one alone.
    """
    if sigma >= settings.sigma_max:
        return positive
    if settings.ratio == 0:
        return guided
    lengths = [_length(each) for each in (positive, guided)]
    return guided * (lengths[0] * settings.ratio / lengths[1]).clamp(max=1)


def redirect(guided: Tensor, positive: Tensor, negative: Tensor, cfg: float) -> Tensor:
    """Between the guided estimate and `cfg` times the positive one: the less alike the negative side is to
    what lies between them, the nearer to the latter. Likeness is over channels, of signed square roots.
    """
    leap = positive * cfg
    middle, away = (each.abs().sqrt() * each.sign() for each in ((leap + guided) / 2, negative * cfg))
    share = (F.cosine_similarity(away, middle).mean() + 1) / 2
    return share * guided + (1 - share) * leap


def _length(each: Tensor) -> Tensor:
    """Of each sample, (B, 1, 1, 1)."""
    return torch.linalg.vector_norm(each, dim=_SAMPLE, keepdim=True)
