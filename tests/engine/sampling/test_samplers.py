import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler
from torch import Tensor

from engine.sampling.noise import initial_noise, step_noise
from engine.sampling.prediction import scaled_linear_sigmas
from engine.sampling.sample import add_noise
from engine.sampling.samplers import SAMPLERS, Sampler, ancestral_levels, dpmpp_2m, euler, euler_ancestral
from engine.sampling.schedules import karras
from tests.engine.sampling.gaussian import (
    exact_denoiser,
    exact_solution,
    falling,
    final_error,
    no_noise,
    read_fixture,
)

RUNS: list[dict[str, Any]] = read_fixture("samplers_gaussian.json")["runs"]


@pytest.mark.parametrize("sampler", [euler, dpmpp_2m])
def test_it_ends_at_the_closed_form_for_gaussian_data(sampler: Sampler) -> None:
    levels = torch.cat([falling(400, bottom=1e-4), torch.zeros(1)])
    x = torch.tensor([-12.0, 0.3, 7.0], dtype=torch.float64)
    expected = exact_solution(x, float(levels[0]))
    torch.testing.assert_close(sampler(exact_denoiser(), x, levels, no_noise), expected, rtol=0.02, atol=0)


@pytest.mark.parametrize(("sampler", "order"), [(euler, 1), (dpmpp_2m, 2)])
def test_its_error_falls_with_the_power_of_its_order_as_steps_double(
    sampler: Callable[..., Tensor], order: int
) -> None:
    measured = math.log2(final_error(sampler, 200) / final_error(sampler, 400))
    assert measured == pytest.approx(order, abs=0.1)


def test_the_ancestral_sampler_keeps_the_datas_spread() -> None:
    levels = torch.cat([falling(200, bottom=1e-3), torch.zeros(1)])
    x = torch.randn(20_000, generator=torch.Generator().manual_seed(0)) * levels[0].float()
    samples = euler_ancestral(exact_denoiser(), x, levels, step_noise(x, seed=1))
    # Two per cent is what 200 first-order steps leave; sampling noise is below one.
    assert float(samples.std()) == pytest.approx(0.5, rel=0.03)


def test_the_ancestral_levels_share_out_the_next_variance() -> None:
    down, up = ancestral_levels(3.0, 2.0)
    assert down**2 + up**2 == pytest.approx(4.0)
    assert up**2 == pytest.approx(4.0 * (9.0 - 4.0) / 9.0)


def test_the_last_ancestral_step_adds_no_noise() -> None:
    assert ancestral_levels(3.0, 0.0) == (0.0, 0.0)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run['sampler']}-{run['scheduler']}-{run['steps']}")
def test_it_goes_where_another_implementation_went(run: dict[str, Any]) -> None:
    mean = torch.linspace(-1, 1, 16).reshape(1, 4, 2, 2)
    levels = torch.tensor(run["sigmas"])
    noise = initial_noise(torch.Size((2, 4, 2, 2)), run["seed"])
    x = add_noise(torch.zeros_like(noise), noise, float(levels[0]), scaled_linear_sigmas().sigma_max)
    result = SAMPLERS[run["sampler"]](
        exact_denoiser(mean), x, levels, step_noise(x, run["seed"]), ignore_step
    )
    torch.testing.assert_close(result.flatten(), torch.tensor(run["out"]), rtol=1e-4, atol=1e-5)


def test_dpmpp_2m_goes_where_diffusers_goes() -> None:
    scheduler: Any = DPMSolverMultistepScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        use_karras_sigmas=True,
        solver_order=2,
        lower_order_final=False,
        euler_at_final=True,
        final_sigmas_type="zero",
    )
    scheduler.set_timesteps(10)
    denoiser = exact_denoiser()
    x = torch.tensor([[[[1.5, -0.7]]]], dtype=torch.float64)
    theirs = x.clone()
    for timestep, sigma in zip(scheduler.timesteps, scheduler.sigmas.double(), strict=False):
        # diffusers keeps x / sqrt(1 + sigma^2).
        scaled = (1 + sigma**2) ** 0.5
        inside = theirs * scaled
        noise = (inside - denoiser(inside, float(sigma))) / sigma
        theirs = scheduler.step(noise, timestep, theirs).prev_sample
    levels = scheduler.sigmas.double()
    ours = dpmpp_2m(denoiser, x * (1 + levels[0] ** 2) ** 0.5, levels, no_noise)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)


def test_every_step_is_reported_with_its_estimate() -> None:
    seen: list[tuple[int, float]] = []
    levels = karras(scaled_linear_sigmas(), 3)
    x = torch.ones(1)
    euler(exact_denoiser(), x, levels, no_noise, lambda step, denoised: seen.append((step, float(denoised))))
    assert [step for step, _ in seen] == [0, 1, 2]
    assert seen[0][1] == pytest.approx(float(exact_denoiser()(x, float(levels[0]))))


def ignore_step(step: int, denoised: Tensor) -> None:
    pass
