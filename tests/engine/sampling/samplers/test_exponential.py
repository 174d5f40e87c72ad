from typing import Any

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler
from torch import Tensor

from engine.sampling.samplers.exponential import dpmpp_2m, dpmpp_2m_cfg_pp, dpmpp_2s_ancestral_cfg_pp
from tests.engine.sampling.gaussian import GaussianDenoiser, exact_denoiser, falling, walk


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
    ours = walk(dpmpp_2m, denoiser, x * (1 + levels[0] ** 2) ** 0.5, levels)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)


def test_without_a_prompt_cfg_pp_is_the_plain_method() -> None:
    x, levels = torch.ones(3, dtype=torch.float64), falling(12)
    plain, pp = (walk(method, exact_denoiser(), x, levels) for method in (dpmpp_2m, dpmpp_2m_cfg_pp))
    torch.testing.assert_close(pp, plain)


def test_the_singlesteps_cfg_pp_puts_back_the_noise_of_the_middle() -> None:
    x = torch.full((1, 1), 5.0, dtype=torch.float64)
    denoiser = GaussianDenoiser(bias=0.3)
    denoised, unconditional = denoiser.with_unconditional(x, 4.0)
    up = 2.0 * (1 - 0.25) ** 0.5
    down = (4.0 - up**2) ** 0.5
    middle = (4.0 * down) ** 0.5
    share = middle / 4.0
    inner = (x + denoised - unconditional) * share + denoised * (1 - share)
    estimate, without = denoiser.with_unconditional(inner, middle)
    expected = (x + denoised - without) * (down / 4.0) + estimate * (1 - down / 4.0) + up

    def ones(sigma: float, sigma_next: float) -> Tensor:
        return torch.ones(1, 1)

    result = walk(dpmpp_2s_ancestral_cfg_pp, denoiser, x, torch.tensor([4.0, 2.0]), ones)
    assert float(result) == pytest.approx(float(expected))
