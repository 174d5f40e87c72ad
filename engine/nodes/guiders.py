"""Nodes that say what guides a model while it is sampled."""

from typing import Literal

from engine.graph.kinds import Cfg, Conditioning, Guider, Model
from engine.graph.spec import node


@node("BasicGuider", category="sampling/custom_sampling/guiders")
def basic_guider(*, model: Model, conditioning: Conditioning) -> Guider:
    """Guides by one conditioning alone, as distilled models want it."""
    return Guider(model, (conditioning,), (1.0,))


@node("CFGGuider", category="sampling/custom_sampling/guiders")
def cfg_guider(*, model: Model, positive: Conditioning, negative: Conditioning, cfg: Cfg = 8.0) -> Guider:
    """Guides towards the positive and away from the negative conditioning."""
    return Guider(model, (positive, negative), (cfg, 1 - cfg))


@node("DualCFGGuider", category="sampling/custom_sampling/guiders")
def dual_cfg_guider(
    *,
    model: Model,
    cond1: Conditioning,
    cond2: Conditioning,
    negative: Conditioning,
    cfg_conds: Cfg = 8.0,
    cfg_cond2_negative: Cfg = 8.0,
    style: Literal["regular", "nested"],
) -> Guider:
    """Guides from the negative to the second conditioning and from there to the first, each by a scale of its
    own. Nested: the scale of the conditions applies inside the other.

    Regular: negative + (cond2 - negative) * cfg_cond2_negative + (cond1 - cond2) * cfg_conds (Brooks et al.
    2022, arXiv 2211.09800, eq. 3).
    """
    outer, inner = cfg_cond2_negative, cfg_conds
    weights = (inner, outer - inner) if style == "regular" else (outer * inner, outer * (1 - inner))
    return Guider(model, (cond1, cond2, negative), (*weights, 1 - outer))
