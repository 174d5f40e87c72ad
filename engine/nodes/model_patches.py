"""Nodes that change how a network is run and guided; its weights stay as they are."""

from dataclasses import replace
from typing import Annotated, Literal

from engine.graph.adaptations import (
    Adaptation,
    DeepShrink,
    DifferentialMask,
    FreeU,
    NegativeBesideEmpty,
    OperatedGuidance,
    PerpendicularNegative,
    PerturbedAttention,
    ProjectedGuidance,
    RedirectedGuidance,
    RenormalisedGuidance,
    RescaledGuidance,
    ScaledNoise,
    TangentialDamping,
    TokenMerging,
    ZeroStarGuidance,
)
from engine.graph.kinds import Cfg, Conditioning, FloatWidget, Guider, IntWidget, Model, Tip
from engine.graph.spec import node
from engine.nodes.latent_operations import LatentOperation

WayShare = Annotated[float, FloatWidget(0.0, 1.0, step=0.001)]
Scaling = Literal["bicubic", "nearest-exact", "bilinear", "area", "bislerp"]
Factor = Annotated[float, FloatWidget(0.0, 10.0, step=0.01)]
Share = Annotated[float, FloatWidget(0.0, 1.0, step=0.01)]
NegativeScale = Annotated[float, FloatWidget(0.0, 100.0, step=0.01)]
PagScale = Annotated[float, FloatWidget(0.0, 100.0, step=0.01, round=0.01)]


@node("FreeU", category="model_patches/unet", title="FreeU")
def free_u(*, model: Model, b1: Factor = 1.1, b2: Factor = 1.2, s1: Factor = 0.9, s2: Factor = 0.2) -> Model:
    """Strengthens features (b) and weakens skips (s) on the network's way up: more coherent pictures."""
    return _adapted(model, FreeU(b1, b2, s1, s2, is_adaptive=False))


@node("FreeU_V2", category="model_patches/unet", title="FreeU_V2")
def free_u_v2(
    *, model: Model, b1: Factor = 1.3, b2: Factor = 1.4, s1: Factor = 0.9, s2: Factor = 0.2
) -> Model:
    """As FreeU, where features are strong already more than elsewhere."""
    return _adapted(model, FreeU(b1, b2, s1, s2, is_adaptive=True))


@node("TomePatchModel", category="model_patches/unet", title="TomePatchModel")
def tome_patch_model(*, model: Model, ratio: Share = 0.3) -> Model:
    """Merges alike tokens in self-attention at the full resolution: faster, a little less exact."""
    return _adapted(model, TokenMerging(ratio))


@node("PerturbedAttentionGuidance", category="model_patches/unet", title="PerturbedAttentionGuidance")
def perturbed_attention_guidance(*, model: Model, scale: PagScale = 3.0) -> Model:
    """Guides away from what the network sees without self-attention; costs one more call a step."""
    return _adapted(model, PerturbedAttention(scale)) if scale else model


@node("RescaleCFG", category="advanced/model", title="RescaleCFG")
def rescale_cfg(
    *, model: Model, multiplier: Annotated[Share, Tip("How far contrast is brought back.")] = 0.7
) -> Model:
    """Keeps strong guidance from raising the contrast; made for networks that predict velocity."""
    return _adapted(model, RescaledGuidance(multiplier))


@node("CFGZeroStar", category="advanced/guidance", title="CFGZeroStar", output_names=("patched_model",))
def cfg_zero_star(*, model: Model) -> Model:
    """Guides from the best multiple of the negative side instead of from itself."""
    return _adapted(model, ZeroStarGuidance())


@node("DifferentialDiffusion", category="_for_testing", title="Differential Diffusion")
def differential_diffusion(*, model: Model, strength: Share | None = 1.0) -> Model:
    """Takes a mask's grey as how early a place is free to change, instead of how strongly it changes."""
    return _adapted(model, DifferentialMask(1.0 if strength is None else strength))


@node("PerpNegGuider", category="_for_testing", title="PerpNegGuider")
def perp_neg_guider(
    *,
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    empty_conditioning: Conditioning,
    cfg: Cfg = 8.0,
    neg_scale: NegativeScale = 1.0,
) -> Guider:
    """Guides away from the negative conditioning only where that does not lead away from the positive one."""
    sides = (positive, negative, empty_conditioning)
    return Guider(_adapted(model, PerpendicularNegative(neg_scale)), sides, (cfg, 0.0, 1 - cfg))


@node("PerpNeg", category="_for_testing", title="Perp-Neg (DEPRECATED by PerpNegGuider)")
def perp_neg(*, model: Model, empty_conditioning: Conditioning, neg_scale: NegativeScale = 1.0) -> Model:
    """As PerpNegGuider, with samplers that take a positive and a negative conditioning."""
    return _adapted(model, NegativeBesideEmpty(neg_scale, empty_conditioning))


@node("APG", category="sampling/custom_sampling", title="Adaptive Projected Guidance")
def apg(
    *,
    model: Model,
    eta: Annotated[
        float, FloatWidget(-10.0, 10.0, step=0.01), Tip("How much saturating guidance stays.")
    ] = 1.0,
    norm_threshold: Annotated[
        float, FloatWidget(0.0, 50.0, step=0.1), Tip("How long guidance may be; 0 for any length.")
    ] = 5.0,
    momentum: Annotated[
        float, FloatWidget(-5.0, 1.0, step=0.01), Tip("How much of the last steps is added.")
    ] = 0.0,
) -> Model:
    """Takes from strong guidance what only raises saturation."""
    return _adapted(model, ProjectedGuidance(eta, norm_threshold, momentum))


@node("TCFG", category="advanced/guidance", title="Tangential Damping CFG", output_names=("patched_model",))
def tcfg(*, model: Model) -> Model:
    """Takes from the negative side what does not lie in the positive one's way."""
    return _adapted(model, TangentialDamping())


@node("RenormCFG", category="advanced/model")
def renorm_cfg(
    *,
    model: Model,
    cfg_trunc: Annotated[
        float, FloatWidget(0.0, 100.0, step=0.01), Tip("The noise level to guide from.")
    ] = 100,
    renorm_cfg: Annotated[
        float, FloatWidget(0.0, 100.0, step=0.01), Tip("How long the estimate may become; 0 for any length.")
    ] = 1.0,
) -> Model:
    """Keeps guidance from making the estimate longer than the positive side's."""
    return _adapted(model, RenormalisedGuidance(cfg_trunc, renorm_cfg))


@node("Mahiro", category="_for_testing", title="Mahiro CFG", output_names=("patched_model",))
def mahiro(*, model: Model) -> Model:
    """Leans on the positive side alone, the more the less alike the negative one is."""
    return _adapted(model, RedirectedGuidance())


@node(
    "PatchModelAddDownscale",
    category="model_patches/unet",
    title="PatchModelAddDownscale (Kohya Deep Shrink)",
)
def patch_model_add_downscale(
    *,
    model: Model,
    block_number: Annotated[int, IntWidget(1, 32, step=1)] = 3,
    downscale_factor: Annotated[float, FloatWidget(0.1, 9.0, step=0.001)] = 2.0,
    start_percent: WayShare = 0.0,
    end_percent: WayShare = 0.35,
    downscale_after_skip: bool = True,
    downscale_method: Scaling,
    upscale_method: Scaling,
) -> Model:
    """Lets deep blocks see the picture smaller at first, so that large pictures hold together."""
    settings = DeepShrink(
        block_number,
        downscale_factor,
        start_percent,
        end_percent,
        downscale_after_skip,
        downscale_method,
        upscale_method,
    )
    return _adapted(model, settings)


@node("LatentApplyOperationCFG", category="latent/advanced/operations", title="LatentApplyOperationCFG")
def latent_apply_operation_cfg(*, model: Model, operation: LatentOperation) -> Model:
    """Applies an operation at every step to what the positive side adds to the negative one."""
    return _adapted(model, OperatedGuidance(operation.apply))


@node("Epsilon Scaling", category="model_patches/unet", title="Epsilon Scaling")
def epsilon_scaling(
    *, model: Model, scaling_factor: Annotated[float, FloatWidget(0.5, 1.5, step=0.001)] = 1.005
) -> Model:
    """Takes the noise that is seen as a little less than the network says, which it overestimates."""
    return _adapted(model, ScaledNoise(scaling_factor))


def _adapted(model: Model, adaptation: Adaptation) -> Model:
    return replace(model, adaptations=(*model.adaptations, adaptation))
