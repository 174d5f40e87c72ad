"""Nodes that say what a network predicts, where its file does not."""

from dataclasses import replace
from typing import Annotated, Literal

from engine.graph.kinds import EXACT, FloatWidget, Model, Parametrisation, Pixels, Prediction
from engine.graph.spec import node

Sigma = Annotated[float, FloatWidget(0.0, 1000.0, step=0.001, round=EXACT)]
Shift = Annotated[float, FloatWidget(0.0, 100.0, step=0.01)]

# The deviation of latents that EDM's own preconditioning assumes (Karras et al. 2022, table 1).
EDM_DATA = 0.5
# Flux's shift is linear in the picture's patches of 16 by 16 pixels, between these numbers of them.
FEW_PATCHES, MANY_PATCHES, PATCH_PX = 256, 4096, 16


@node("ModelSamplingDiscrete", category="advanced/model", title="ModelSamplingDiscrete")
def model_sampling_discrete(
    *,
    model: Model,
    sampling: Literal["eps", "v_prediction", "lcm", "x0", "img_to_img"],
    zsnr: bool = False,
) -> Model:
    """Sets what a network with a thousand timesteps predicts; zsnr: its noise ends in nothing but noise."""
    prediction: Prediction = "v" if sampling == "v_prediction" else sampling
    levels = "distilled" if sampling == "lcm" else "table"
    return replace(model, parametrisation=Parametrisation(prediction, levels, is_zero_terminal=zsnr))


@node("ModelSamplingContinuousEDM", category="advanced/model", title="ModelSamplingContinuousEDM")
def model_sampling_continuous_edm(
    *,
    model: Model,
    sampling: Literal["v_prediction", "edm", "eps"],
    sigma_max: Sigma = 120.0,
    sigma_min: Sigma = 0.002,
) -> Model:
    """Sets what a network predicts that was trained at any noise level, even in its logarithm."""
    prediction: Prediction = "v" if sampling == "v_prediction" else sampling
    deviation = EDM_DATA if sampling == "edm" else 1.0
    chosen = Parametrisation(
        prediction, "logarithmic", sigma_min=sigma_min, sigma_max=sigma_max, sigma_data=deviation
    )
    return replace(model, parametrisation=chosen)


@node("ModelSamplingContinuousV", category="advanced/model", title="ModelSamplingContinuousV")
def model_sampling_continuous_v(
    *,
    model: Model,
    sampling: Literal["v_prediction"],
    sigma_max: Sigma = 500.0,
    sigma_min: Sigma = 0.03,
) -> Model:
    """Sets velocity prediction at any noise level, with its angle as timestep."""
    chosen = Parametrisation("v", "angles", sigma_min=sigma_min, sigma_max=sigma_max)
    return replace(model, parametrisation=chosen)


@node("ModelSamplingSD3", category="advanced/model", title="ModelSamplingSD3")
def model_sampling_sd3(*, model: Model, shift: Shift = 3.0) -> Model:
    """Sets how far a flow's levels are moved towards noise; the network is told a thousandfold of them."""
    return replace(model, parametrisation=Parametrisation("flow", "flow", shift=shift))


@node("ModelSamplingAuraFlow", category="advanced/model", title="ModelSamplingAuraFlow")
def model_sampling_aura_flow(*, model: Model, shift: Shift = 1.73) -> Model:
    """Sets how far a flow's levels are moved towards noise; the network is told the levels themselves."""
    return replace(model, parametrisation=Parametrisation("flow", "flow", shift=shift, multiplier=1.0))


@node("ModelSamplingFlux", category="advanced/model", title="ModelSamplingFlux")
def model_sampling_flux(
    *,
    model: Model,
    max_shift: Shift = 1.15,
    base_shift: Shift = 0.5,
    width: Pixels = 1024,
    height: Pixels = 1024,
) -> Model:
    """Moves a flow's levels towards noise, the further the larger the picture is."""
    slope = (max_shift - base_shift) / (MANY_PATCHES - FEW_PATCHES)
    shift = base_shift + slope * (width * height / PATCH_PX**2 - FEW_PATCHES)
    chosen = Parametrisation("flow", "exponential_flow", shift=shift, multiplier=1.0)
    return replace(model, parametrisation=chosen)
