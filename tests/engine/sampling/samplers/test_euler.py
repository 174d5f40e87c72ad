from functools import partial
from itertools import pairwise

import pytest
import torch
from diffusers import DDPMScheduler, EulerAncestralDiscreteScheduler
from torch import Tensor

from engine.sampling.noise import step_noise
from engine.sampling.process import Process
from engine.sampling.samplers.euler import ddpm, euler_ancestral, euler_cfg_pp, gradient_estimation, lcm
from engine.sampling.samplers.steps import Stochastic, ancestral_levels, descend
from engine.sampling.sigmas import scaled_linear_sigmas
from tests.engine.sampling.gaussian import (
    FLOW,
    GaussianDenoiser,
    exact_denoiser,
    falling,
    no_noise,
    walk,
)


def test_the_ancestral_levels_share_out_the_next_variance() -> None:
    down, up = ancestral_levels(3.0, 2.0)
    assert down**2 + up**2 == pytest.approx(4.0)
    assert up**2 == pytest.approx(4.0 * (9.0 - 4.0) / 9.0)


def test_the_last_ancestral_step_adds_no_noise() -> None:
    assert ancestral_levels(3.0, 0.0) == (0.0, 0.0)


def test_a_step_up_is_made_without_fresh_noise() -> None:
    assert ancestral_levels(2.0, 3.0) == (3.0, 0.0)


def test_without_eta_nothing_is_fresh() -> None:
    assert ancestral_levels(3.0, 2.0, eta=0.0) == (2.0, 0.0)


@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_an_ancestral_step_on_a_flow_keeps_its_signal_and_noise(eta: float) -> None:
    step = descend(Process(FLOW, no_noise), 0.8, 0.5, eta)
    assert (1 - step.down) * step.keep == pytest.approx(0.5)
    assert (step.down * step.keep) ** 2 + step.up**2 == pytest.approx(0.5**2)


def test_the_ancestral_sampler_makes_diffusers_steps() -> None:
    scheduler = EulerAncestralDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
    )
    scheduler.set_timesteps(6)
    sigmas: Tensor = scheduler.sigmas
    x = torch.randn(2, 4, 2, 2, generator=torch.Generator().manual_seed(0)) * sigmas[0]
    theirs, denoiser = x, exact_denoiser()
    generator = torch.Generator().manual_seed(3)
    for timestep, sigma in zip(scheduler.timesteps, sigmas, strict=False):
        noise = (theirs - denoiser(theirs, float(sigma))) / sigma
        theirs = scheduler.step(noise, timestep, theirs, generator=generator).prev_sample
    ours = walk(euler_ancestral, denoiser, x, sigmas, step_noise(x, 3))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_more_noise_widens_the_samples() -> None:
    x = torch.randn(4000, 1, generator=torch.Generator().manual_seed(0)) * 10
    levels = falling(30).float()

    def spread(settings: Stochastic) -> float:
        sampler = partial(euler_ancestral, settings=settings)
        return float(walk(sampler, exact_denoiser(), x, levels, step_noise(x, 1)).std())

    assert spread(Stochastic(s_noise=0.8)) < spread(Stochastic()) < spread(Stochastic(s_noise=1.2))


def test_ddpm_draws_from_diffusers_posterior() -> None:
    scheduler = DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False
    )
    table = scaled_linear_sigmas().table
    timestep = 600
    sigma, sigma_next = float(table[timestep]), float(table[timestep - 1])
    x = torch.randn(2, 4, 2, 2, generator=torch.Generator().manual_seed(0)) * sigma
    denoiser = exact_denoiser()
    noise = (x - denoiser(x, sigma)) / sigma
    inside = x / (1 + sigma**2) ** 0.5
    theirs = scheduler.step(noise, timestep, inside, generator=torch.Generator().manual_seed(3)).prev_sample
    ours = walk(ddpm, denoiser, x, torch.tensor([sigma, sigma_next]), step_noise(x, 3))
    # Differences of neighbouring cumulative alphas in float32.
    torch.testing.assert_close(ours / (1 + sigma_next**2) ** 0.5, theirs, rtol=1e-3, atol=1e-4)


def test_lcm_spreads_as_fresh_noise_through_the_denoiser_does() -> None:
    levels = [10.0, 3.0, 1.0, 0.3, 0.0]
    x = torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0)) * 10
    expected = 100.0
    for sigma, sigma_next in pairwise(levels):
        expected = expected * (0.25 / (0.25 + sigma**2)) ** 2 + sigma_next**2
    samples = walk(lcm, exact_denoiser(), x, torch.tensor(levels), step_noise(x, 1))
    # 20,000 draws vary by half a per cent.
    assert float(samples.std()) == pytest.approx(expected**0.5, rel=0.02)


def test_on_a_flow_lcm_mixes_fresh_noise_with_the_estimate() -> None:
    x = torch.ones(1, 1)
    denoiser = GaussianDenoiser(is_flow=True)
    result = walk(lcm, denoiser, x, torch.tensor([0.9, 0.6]), lambda *_: torch.full((1, 1), 2.0), FLOW)
    torch.testing.assert_close(result, denoiser(x, 0.9) * 0.4 + 2.0 * 0.6)


def test_cfg_pp_puts_the_unconditional_noise_back() -> None:
    x, denoiser = torch.full((1, 1), 5.0), GaussianDenoiser(bias=0.4)
    denoised, unconditional = denoiser.with_unconditional(x, 4.0)
    result = walk(euler_cfg_pp, denoiser, x, torch.tensor([4.0, 1.0]))
    torch.testing.assert_close(result, denoised + (x - unconditional) / 4.0)


def test_gradient_estimation_doubles_the_change_of_direction() -> None:
    levels = torch.tensor([4.0, 2.0, 1.0], dtype=torch.float64)
    x = torch.full((1, 1), 5.0, dtype=torch.float64)
    first = walk(gradient_estimation, exact_denoiser(), x, levels[:2])
    slopes = [(state - exact_denoiser()(state, sigma)) / sigma for state, sigma in ((x, 4.0), (first, 2.0))]
    expected = first + (2 * slopes[1] - slopes[0]) * (1.0 - 2.0)
    torch.testing.assert_close(walk(gradient_estimation, exact_denoiser(), x, levels), expected)
