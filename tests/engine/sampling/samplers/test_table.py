"""What every sampler has to do, whatever its method."""

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.sampling.noise import NoiseSource, brownian_noise, initial_noise, step_noise
from engine.sampling.process import Process
from engine.sampling.sample import add_noise
from engine.sampling.samplers.table import SAMPLERS
from engine.sampling.schedules import karras
from engine.sampling.sigmas import DiscreteSigmas
from tests.engine.sampling.gaussian import (
    EPS,
    EXPONENTIAL_FLOW,
    FLOW,
    GaussianDenoiser,
    exact_denoiser,
    exact_solution,
    falling,
    read_fixture,
    walk,
)

RECORDED: dict[str, Any] = read_fixture("samplers_gaussian.json")
NETWORKS = {"eps": EPS, "flow": FLOW, "exponential_flow": EXPONENTIAL_FLOW}

NAMES = [name for name in SAMPLERS if not name.endswith("_gpu")]
# LCM takes the denoiser for a consistency function: its distribution is another (test_euler.py).
# The other's step mixes estimates of two levels (its docstring).
OF_THE_DATA = [name for name in NAMES if name not in ("lcm", "dpmpp_2s_ancestral_cfg_pp")]
# Made for added noise, and used as they are on flows too.
OF_THE_DATA_ON_FLOWS = [name for name in OF_THE_DATA if not name.startswith(("ddpm", "res_multistep_anc"))]
# Steps that are chosen by the error of the whole batch.
ONE_BY_ONE = [name for name in NAMES if name != "dpm_adaptive"]
MEAN = 0.7


def noise_for(name: str, x: Tensor, levels: Tensor, seed: int = 1) -> NoiseSource:
    return brownian_noise(x, seed, levels) if SAMPLERS[name].is_brownian else step_noise(x, seed)


@pytest.mark.parametrize(
    "run", RECORDED["runs"], ids=lambda run: f"{run['sampler']} {run['course']} {run['seed']}"
)
def test_it_goes_where_another_implementation_went(run: dict[str, Any]) -> None:
    sigmas = NETWORKS[run["course"].split()[0]]
    levels = torch.tensor(RECORDED["courses"][run["course"]])
    noise = initial_noise(torch.Size((2, 4, 2, 2)), run["seed"])
    x = add_noise(torch.zeros_like(noise), noise, float(levels[0]), sigmas)
    mean = torch.linspace(-1, 1, 16).reshape(1, 4, 2, 2)
    denoiser = GaussianDenoiser(mean, is_flow=sigmas.is_flow, bias=0.1)
    result = walk(
        SAMPLERS[run["sampler"]],
        denoiser,
        x,
        levels,
        noise_for(run["sampler"], x, levels, run["seed"]),
        sigmas,
    )
    # float32 levels against float64 ones, over up to 20 steps; adaptive steps amplify it most.
    torch.testing.assert_close(result.flatten(), torch.tensor(run["out"]), rtol=1e-4, atol=2e-4)
    assert denoiser.estimates == run["estimates"]


def final_samples(name: str, sigmas: DiscreteSigmas, levels: Tensor) -> Tensor:
    """Where 5000 draws at the top of the levels end, for data N(MEAN, 0.25)."""
    top = float(levels[0])
    unit = torch.randn(5000, 1, generator=torch.Generator().manual_seed(0))
    alpha = 1 - top if sigmas.is_flow else 1.0
    x = MEAN * alpha + unit * (top**2 + (0.5 * alpha) ** 2) ** 0.5
    denoiser = GaussianDenoiser(MEAN, is_flow=sigmas.is_flow)
    return walk(SAMPLERS[name], denoiser, x, levels, noise_for(name, x, levels), sigmas)


@pytest.mark.parametrize("name", OF_THE_DATA)
def test_samples_are_spread_as_the_data_is(name: str) -> None:
    # Brownian paths take long to draw, and are for methods of higher order.
    steps = 40 if SAMPLERS[name].is_brownian else 100
    levels = torch.cat([falling(steps, bottom=0.02), torch.zeros(1)]).float()
    samples = final_samples(name, EPS, levels)
    # Two per cent are left by 100 first-order steps and four by rtol 0.05; 5000 draws vary by one.
    assert float(samples.std()) == pytest.approx(0.5, rel=0.06)
    assert float(samples.mean()) == pytest.approx(MEAN, abs=0.03)


@pytest.mark.parametrize("name", OF_THE_DATA_ON_FLOWS)
def test_samples_of_a_flow_are_spread_as_the_data_is(name: str) -> None:
    steps = 60 if SAMPLERS[name].is_brownian else 100
    levels = torch.cat([torch.linspace(1, 0.02, steps), torch.zeros(1)])
    samples = final_samples(name, FLOW, levels)
    # As above; methods that end at the last level above 0 leave its share of noise, 0.02, and of data.
    assert float(samples.std()) == pytest.approx(0.5, rel=0.06)
    assert float(samples.mean()) == pytest.approx(MEAN, abs=0.04)


def in_small(name: str, seed: int = 5) -> Tensor:
    levels = karras(EPS, 5)
    x = initial_noise(torch.Size((2, 4, 2, 2)), seed) * levels[0]
    denoiser = GaussianDenoiser(0.3, bias=0.1)
    return walk(SAMPLERS[name], denoiser, x, levels, noise_for(name, x, levels, seed))


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_gives_the_same_numbers_again(name: str) -> None:
    assert torch.equal(in_small(name), in_small(name))
    assert not torch.equal(in_small(name), in_small(name, seed=6))


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_each_of_a_batch_goes_where_it_goes_alone(name: str) -> None:
    levels = karras(EPS, 6)
    x = initial_noise(torch.Size((3, 4, 2, 2)), 4) * levels[0]
    denoiser = GaussianDenoiser(0.3, bias=0.1)
    together = walk(SAMPLERS[name], denoiser, x, levels, noise_for(name, x, levels))
    whole = noise_for(name, x, levels)

    def second(sigma: float, sigma_next: float) -> Tensor:
        return whole(sigma, sigma_next)[1:2]

    alone = walk(SAMPLERS[name], denoiser, x[1:2], levels, second)
    torch.testing.assert_close(alone, together[1:2], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_steps_are_reported_in_order_and_at_most_as_many_as_there_are(name: str) -> None:
    seen: list[int] = []
    levels = karras(EPS, 6)
    x = torch.ones(1, 1) * levels[0]
    process = Process(EPS, noise_for(name, x, levels))
    SAMPLERS[name].walk(exact_denoiser(), x, levels, process, lambda step, denoised: seen.append(step))
    assert seen == sorted(seen)
    assert set(seen) <= set(range(6))
    assert seen[0] == 0


@pytest.mark.parametrize("name", NAMES)
def test_one_step_to_zero_gives_finite_numbers(name: str) -> None:
    levels = torch.tensor([EPS.sigma_max, 0.0])
    x = torch.ones(1, 4, 2, 2) * levels[0]
    assert walk(SAMPLERS[name], exact_denoiser(), x, levels, noise_for(name, x, levels)).isfinite().all()


@pytest.mark.parametrize("name", ["euler", "heun", "dpmpp_2m", "uni_pc", "deis", "lms", "exp_heun_2_x0"])
def test_a_deterministic_sampler_ends_at_the_closed_form(name: str) -> None:
    levels = torch.cat([falling(400, bottom=1e-3), torch.zeros(1)])
    x = torch.tensor([-12.0, 0.3, 7.0], dtype=torch.float64)
    expected = exact_solution(x, float(levels[0]))
    # What 400 first-order steps leave.
    torch.testing.assert_close(walk(SAMPLERS[name], exact_denoiser(), x, levels), expected, rtol=0.02, atol=0)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name.endswith("_gpu")])
def test_noise_for_the_card_is_the_cpus(name: str) -> None:
    assert SAMPLERS[name] is SAMPLERS[name.removesuffix("_gpu")]


def test_the_reported_estimate_is_the_denoisers() -> None:
    seen: list[float] = []
    x = torch.ones(1)
    process = Process(EPS, step_noise(x, 0))
    SAMPLERS["euler"].walk(
        exact_denoiser(), x, karras(EPS, 3), process, lambda step, denoised: seen.append(float(denoised))
    )
    assert seen[0] == pytest.approx(float(exact_denoiser()(x, EPS.sigma_max)))
