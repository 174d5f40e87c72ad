from typing import Any

import pytest
import torch

from engine.graph.kinds import Latent, Model, Parametrisation
from engine.nodes.denoising import parametrisation_of
from engine.nodes.model_sampling import (
    model_sampling_aura_flow,
    model_sampling_continuous_edm,
    model_sampling_continuous_v,
    model_sampling_discrete,
    model_sampling_flux,
    model_sampling_sd3,
)
from tests.engine.nodes.studio import Studio


@pytest.fixture
def model(studio: Studio) -> Model:
    return studio.load()[0]


def test_a_family_predicts_what_it_was_trained_for(model: Model) -> None:
    assert parametrisation_of(model) == Parametrisation("eps")


@pytest.mark.parametrize(
    ("sampling", "zsnr", "expected"),
    [
        ("eps", False, Parametrisation("eps")),
        ("v_prediction", True, Parametrisation("v", is_zero_terminal=True)),
        ("lcm", False, Parametrisation("lcm", "distilled")),
        ("x0", False, Parametrisation("x0")),
    ],
)
def test_a_discrete_network_is_told(
    model: Model, sampling: Any, zsnr: bool, expected: Parametrisation
) -> None:
    changed = model_sampling_discrete(model=model, sampling=sampling, zsnr=zsnr)
    assert parametrisation_of(changed) == expected


def test_edms_own_prediction_assumes_half_the_deviation(model: Model) -> None:
    changed = model_sampling_continuous_edm(model=model, sampling="edm", sigma_max=80.0, sigma_min=0.002)
    expected = Parametrisation("edm", "logarithmic", sigma_min=0.002, sigma_max=80.0, sigma_data=0.5)
    assert parametrisation_of(changed) == expected


def test_continuous_velocity_has_angles_as_timesteps(model: Model) -> None:
    changed = model_sampling_continuous_v(model=model, sampling="v_prediction")
    assert parametrisation_of(changed) == Parametrisation("v", "angles", sigma_min=0.03, sigma_max=500.0)


def test_weights_are_shared_with_the_model_that_was_changed(model: Model) -> None:
    assert model_sampling_discrete(model=model, sampling="x0").handle is model.handle


def test_a_flow_is_told_its_shift(model: Model) -> None:
    sd3, aura = model_sampling_sd3(model=model, shift=2.5), model_sampling_aura_flow(model=model)
    assert parametrisation_of(sd3) == Parametrisation("flow", "flow", shift=2.5, multiplier=1000.0)
    assert parametrisation_of(aura) == Parametrisation("flow", "flow", shift=1.73, multiplier=1.0)


@pytest.mark.parametrize(("side", "shift"), [(256, 0.5), (1024, 1.15)])
def test_fluxs_shift_grows_with_the_picture(model: Model, side: int, shift: float) -> None:
    changed = parametrisation_of(model_sampling_flux(model=model, width=side, height=side))
    assert (changed.prediction, changed.levels, changed.multiplier) == ("flow", "exponential_flow", 1.0)
    assert changed.shift == pytest.approx(shift)


def test_a_flow_is_walked(studio: Studio, model: Model) -> None:
    latent = Latent(torch.zeros(1, 4, 6, 8))
    made = [
        studio.sample(latent, model=chosen, sampler_name="euler_ancestral").samples
        for chosen in (model, model_sampling_sd3(model=model))
    ]
    assert torch.isfinite(made[1]).all()
    assert not torch.isclose(made[0], made[1]).all()
