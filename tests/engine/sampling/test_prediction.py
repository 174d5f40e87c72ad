from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler
from torch import Tensor

from engine.sampling.prediction import EpsPrediction, scaled_linear_sigmas
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
