"""Nodes that say what a network predicts, where its file does not."""

from dataclasses import replace
from typing import Annotated, Literal

from engine.graph.kinds import FloatWidget, Model, Parametrisation, Prediction
from engine.graph.spec import node

Sigma = Annotated[float, FloatWidget(0.0, 1000.0, step=0.001)]

# The deviation of latents that EDM's own preconditioning assumes (Karras et al. 2022, table 1).
EDM_DATA = 0.5


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
