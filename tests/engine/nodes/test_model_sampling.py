from typing import Any

import pytest

from engine.graph.kinds import Model, Parametrisation
from engine.nodes.denoising import parametrisation_of
from engine.nodes.model_sampling import (
    model_sampling_continuous_edm,
    model_sampling_continuous_v,
    model_sampling_discrete,
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
