from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler

from engine.graph.kinds import Parametrisation
from engine.sampling.schedules import (
    SCHEDULES,
    beta_of,
    karras,
    karras_between,
    laplace_between,
    polyexponential_between,
    schedule_sigmas,
    sd_turbo,
    vp,
)
from engine.sampling.sigmas import build_sigmas, scaled_linear_sigmas
from tests.engine.sampling.gaussian import read_fixture

RECORDED: dict[str, Any] = read_fixture("schedules_sd1.json")
NETWORKS: dict[str, Any] = read_fixture("schedules.json")["networks"]
SIGMAS = scaled_linear_sigmas()


@pytest.mark.parametrize("case", RECORDED["schedules"])
def test_a_schedule_has_the_recorded_levels(case: str) -> None:
    name, steps = case.split("/")
    expected = torch.tensor(RECORDED["schedules"][case])
    torch.testing.assert_close(SCHEDULES[name](SIGMAS, int(steps)), expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("network", NETWORKS)
def test_other_networks_have_the_recorded_levels(network: str) -> None:
    recorded = NETWORKS[network]
    sigmas = build_sigmas(Parametrisation(**recorded["parametrisation"]))
    expected = {case: torch.tensor(levels) for case, levels in recorded["schedules"].items()}
    found = {
        case: SCHEDULES[name](sigmas, int(steps)) for case in expected for name, steps in [case.split("/")]
    }
    # The tables are float32, and schedules of flows end near 0.
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("network", NETWORKS)
def test_shares_of_the_way_are_the_recorded_levels(network: str) -> None:
    recorded = NETWORKS[network]
    sigmas = build_sigmas(Parametrisation(**recorded["parametrisation"]))
    found = {percent: sigmas.sigma_at_percent(float(percent)) for percent in recorded["percent_to_sigma"]}
    assert found == pytest.approx(recorded["percent_to_sigma"], rel=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
def test_levels_are_the_recorded_timesteps(network: str) -> None:
    recorded = NETWORKS[network]
    sigmas = build_sigmas(Parametrisation(**recorded["parametrisation"]))
    found = {sigma: sigmas.timestep_at(float(sigma)) for sigma in recorded["timesteps"]}
    assert found == pytest.approx(recorded["timesteps"], rel=1e-5)


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


def test_a_second_last_level_is_dropped_from_one_step_more() -> None:
    longer = schedule_sigmas("karras", SIGMAS, 11)
    shorter = schedule_sigmas("karras", SIGMAS, 10, drops_second_last=True)
    assert shorter.tolist() == [*longer[:10].tolist(), 0.0]


def test_it_is_dropped_before_the_last_steps_are_taken() -> None:
    longer = schedule_sigmas("karras", SIGMAS, 21)
    half = schedule_sigmas("karras", SIGMAS, 10, denoise=0.5, drops_second_last=True)
    assert half.tolist() == [*longer[9:20][1:].tolist()[:10], 0.0]


def test_karras_levels_are_even_in_their_root() -> None:
    roots = karras_between(9.0, 0.25, 4, rho=2.0)[:-1].sqrt()
    torch.testing.assert_close(roots, torch.linspace(3.0, 0.5, 4))


def test_polyexponential_levels_fall_with_a_power_of_the_steps_left() -> None:
    logarithms = polyexponential_between(np.e, 1.0, 3, rho=2.0)[:-1].log()
    torch.testing.assert_close(logarithms, torch.tensor([1.0, 0.25, 0.0]))


def test_laplace_levels_have_the_distributions_quantiles() -> None:
    levels = laplace_between(1000.0, 0.001, 5, mu=0.3, beta=0.5)
    # ln sigma at a quarter, a half and three quarters: mu plus and minus beta ln 2. The ends are cut short.
    expected = torch.tensor([0.3 + 0.5 * np.log(2), 0.3, 0.3 - 0.5 * np.log(2)], dtype=torch.float32)
    torch.testing.assert_close(levels[1:4].log(), expected, rtol=1e-4, atol=1e-4)
    assert len(levels) == 5


def test_laplace_levels_stay_between_the_ends() -> None:
    levels = laplace_between(14.6, 0.03, 9, mu=0.0, beta=5.0)
    assert (float(levels[0]), float(levels[-1])) == pytest.approx((14.6, 0.03))


def test_variance_preserving_levels_are_of_their_signal() -> None:
    levels = vp(3, beta_d=19.9, beta_min=0.1, eps_s=0.001)
    times = np.array([1.0, 0.5005, 0.001])
    signal = np.exp(-(19.9 * times**2 / 2 + 0.1 * times))
    np.testing.assert_allclose(levels[:-1].numpy(), ((1 - signal) / signal) ** 0.5, rtol=1e-4)


@pytest.mark.parametrize(
    ("steps", "denoise", "timesteps"), [(1, 1.0, [999]), (3, 1.0, [999, 899, 799]), (4, 0.3, [299, 199, 99])]
)
def test_turbo_levels_are_every_hundredth_timesteps(steps: int, denoise: float, timesteps: list[int]) -> None:
    expected = [*SIGMAS.table[timesteps].tolist(), 0.0]
    assert sd_turbo(SIGMAS, steps, denoise).tolist() == pytest.approx(expected)


def test_a_flat_beta_distribution_spaces_timesteps_evenly() -> None:
    levels = beta_of(SIGMAS, 9, 1.0, 1.0)
    expected = SIGMAS.table[[999, 888, 777, 666, 555, 444, 333, 222, 111]]
    torch.testing.assert_close(levels[:-1], expected)
