from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler

from engine.sampling.prediction import scaled_linear_sigmas
from engine.sampling.schedules import SCHEDULES, karras, schedule_sigmas
from tests.engine.sampling.gaussian import read_fixture

RECORDED: dict[str, Any] = read_fixture("schedules_sd1.json")
SIGMAS = scaled_linear_sigmas()


@pytest.mark.parametrize("case", RECORDED["schedules"])
def test_a_schedule_has_the_recorded_levels(case: str) -> None:
    name, steps = case.split("/")
    expected = torch.tensor(RECORDED["schedules"][case])
    torch.testing.assert_close(SCHEDULES[name](SIGMAS, int(steps)), expected, rtol=1e-5, atol=0)


def test_karras_levels_are_those_of_diffusers() -> None:
    scheduler: Any = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", use_karras_sigmas=True
    )
    in_sigmas = np.array([SIGMAS.sigma_max, SIGMAS.sigma_min])
    expected = torch.tensor(scheduler._convert_to_karras(in_sigmas=in_sigmas, num_inference_steps=12))
    torch.testing.assert_close(karras(SIGMAS, 12)[:-1].double(), expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", SCHEDULES)
def test_levels_fall_and_end_in_zero(name: str) -> None:
    levels = SCHEDULES[name](SIGMAS, 17)
    assert bool((levels.diff() < 0).all())
    assert levels[-1] == 0


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_single_step_is_a_schedule_too(name: str) -> None:
    assert torch.isfinite(SCHEDULES[name](SIGMAS, 1)).all()


def test_half_the_denoising_takes_the_last_steps_of_twice_as_many() -> None:
    half = schedule_sigmas("normal", SIGMAS, 6, denoise=0.5)
    torch.testing.assert_close(half, schedule_sigmas("normal", SIGMAS, 12)[-7:])


def test_a_share_that_does_not_divide_is_rounded_down() -> None:
    levels = schedule_sigmas("karras", SIGMAS, 10, denoise=0.7)
    torch.testing.assert_close(levels, schedule_sigmas("karras", SIGMAS, 14)[-11:])


def test_no_denoising_has_no_levels() -> None:
    assert len(schedule_sigmas("normal", SIGMAS, 20, denoise=0.0)) == 0
