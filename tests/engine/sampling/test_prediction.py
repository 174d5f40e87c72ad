import math
from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler, EDMEulerScheduler, LCMScheduler
from torch import Tensor

from engine.graph.kinds import Parametrisation, Prediction
from engine.sampling.denoiser import Condition
from engine.sampling.prediction import EpsPrediction, adapt, form_of, scaled_linear_sigmas
from tests.engine.sampling.gaussian import read_fixture

RECORDED: dict[str, Any] = read_fixture("schedules_sd1.json")
SIGMAS = scaled_linear_sigmas()


def test_the_table_is_that_of_diffusers() -> None:
    alphas: Tensor = DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
    ).alphas_cumprod
    torch.testing.assert_close(SIGMAS.table, ((1 - alphas) / alphas).sqrt(), rtol=1e-4, atol=0)


def test_the_table_ends_at_the_published_levels() -> None:
    ends = torch.cat([SIGMAS.table[:4], SIGMAS.table[-4:]])
    torch.testing.assert_close(ends, torch.tensor(RECORDED["head"] + RECORDED["tail"]), rtol=1e-6, atol=0)


@pytest.mark.parametrize("sigma", RECORDED["timestep_of_sigma"])
def test_a_level_has_the_recorded_timestep(sigma: str) -> None:
    assert SIGMAS.timestep_at(float(sigma)) == RECORDED["timestep_of_sigma"][sigma]


def test_timesteps_between_trained_ones_have_levels_between() -> None:
    (between,) = SIGMAS.sigma_at(torch.tensor([499.5]))
    assert float(between) == pytest.approx(float((SIGMAS.table[499] * SIGMAS.table[500]).sqrt()), rel=1e-5)


def test_a_network_that_knows_the_noise_gives_the_clean_latent() -> None:
    clean, noise, sigma = torch.randn(2, 4, 3, 3), torch.randn(2, 4, 3, 3), 2.5
    predict = EpsPrediction(lambda x, timestep, context: noise, SIGMAS)
    torch.testing.assert_close(predict(clean + noise * sigma, sigma, torch.zeros(2, 1, 1)), clean)


def test_the_network_is_given_unit_variance_and_its_own_precision() -> None:
    given: list[Tensor] = []

    def network(x: Tensor, timestep: Tensor, context: Tensor) -> Tensor:
        given.extend((x, timestep, context))
        return x

    x = torch.randn(3, 4, 64, 64) * (1 + 5.0**2) ** 0.5
    result = EpsPrediction(network, SIGMAS, torch.bfloat16)(x, 5.0, torch.zeros(3, 7, 2))
    assert float(given[0].float().std()) == pytest.approx(1, rel=0.05)
    assert [tensor.dtype for tensor in given] == [torch.bfloat16, torch.int64, torch.bfloat16]
    assert result.dtype == torch.float32


def velocity(picture: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """alpha * noise - sigma_vp * picture, where both have the squares sum 1 (Salimans and Ho 2022)."""
    return (noise - sigma * picture) / (1 + sigma**2) ** 0.5


@pytest.mark.parametrize("sigma", [0.03, 1.0, 14.6, 4518.0])
def test_a_true_velocity_gives_the_picture(sigma: float) -> None:
    picture, noise = torch.randn(2, 2, 4, 6, 6, dtype=torch.float64)
    x = picture + sigma * noise
    denoised = form_of("v").denoised(x, velocity(picture, noise, sigma), sigma, 0)
    torch.testing.assert_close(denoised, picture)


@pytest.mark.parametrize(("prediction", "theirs"), [("edm", "epsilon"), ("v", "v_prediction")])
@pytest.mark.parametrize("deviation", [0.5, 1.0])
def test_edms_preconditioning_is_diffusers(prediction: Prediction, theirs: str, deviation: float) -> None:
    scheduler: Any = EDMEulerScheduler(sigma_data=deviation, prediction_type=theirs)
    form, sigma = form_of(prediction, deviation), 2.5
    x, output = torch.randn(2, 1, 4, 6, 6)
    torch.testing.assert_close(
        x * form.input_scale(sigma), scheduler.precondition_inputs(x, torch.tensor(sigma))
    )
    torch.testing.assert_close(
        form.denoised(x, output, sigma, 0), scheduler.precondition_outputs(x, output, torch.tensor(sigma))
    )


def test_a_consistency_model_skips_as_in_diffusers() -> None:
    scheduler: Any = LCMScheduler(timestep_scaling=10.0)
    sigma, timestep = 3.0, 0.25
    skip, out = scheduler.get_scalings_for_boundary_condition_discrete(timestep)
    x, output = torch.randn(2, 1, 4, 6, 6)
    expected = out * (x - sigma * output) + skip * x
    torch.testing.assert_close(form_of("lcm").denoised(x, output, sigma, timestep), expected)


@pytest.mark.parametrize(("prediction", "scale"), [("x0", 0.2**0.5), ("img_to_img", 1.0)])
def test_a_predicted_picture_is_the_picture(prediction: Prediction, scale: float) -> None:
    x, output = torch.randn(2, 1, 4, 6, 6)
    form = form_of(prediction)
    assert torch.equal(form.denoised(x, output, 2.0, 0), output)
    assert form.input_scale(2.0) == pytest.approx(scale)


def test_the_network_is_given_vector_and_channels() -> None:
    seen: list[tuple[torch.Size, ...]] = []

    def network(x: Tensor, timestep: Tensor, context: Tensor, vector: Tensor | None = None) -> Tensor:
        assert vector is not None
        seen.append((x.shape, timestep.shape, context.shape, vector.shape))
        return x[:, :4]

    condition = Condition(torch.zeros(2, 7, 3), torch.zeros(2, 5), torch.zeros(2, 6, 8, 8))
    adapt(network, Parametrisation(), torch.float32)(torch.zeros(2, 4, 8, 8), 1.0, condition)
    assert seen == [((2, 10, 8, 8), (2,), (2, 7, 3), (2, 5))]


def test_a_continuous_timestep_reaches_the_network_unrounded() -> None:
    seen: list[float] = []

    def network(x: Tensor, timestep: Tensor, context: Tensor, vector: Tensor | None = None) -> Tensor:
        seen.append(float(timestep[0]))
        return x

    adapted = adapt(network, Parametrisation("edm", "logarithmic", sigma_data=0.5), torch.float32)
    adapted(torch.zeros(1, 4, 8, 8), 3.0, Condition(torch.zeros(1, 7, 3)))
    assert seen == pytest.approx([0.25 * math.log(3.0)])
