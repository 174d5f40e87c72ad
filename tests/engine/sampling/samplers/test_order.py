"""How fast errors fall as steps double, which tells a method's formula from a slightly wrong one."""

import math
from functools import partial

import pytest
import torch

from engine.sampling.samplers.dpm_solver import StepControl, dpm_adaptive
from engine.sampling.samplers.er_sde import Extended, er_sde
from engine.sampling.samplers.exponential import dpmpp_2s_ancestral, res_multistep
from engine.sampling.samplers.method import Sampler
from engine.sampling.samplers.sa_solver import StochasticAdams, sa_solver
from engine.sampling.samplers.sde import Singlestep, TwoStep, dpmpp_2m_sde, dpmpp_3m_sde, dpmpp_sde
from engine.sampling.samplers.seeds import TwoStage, seeds_2, seeds_3
from engine.sampling.samplers.steps import Stochastic
from engine.sampling.samplers.table import SAMPLERS
from tests.engine.sampling.gaussian import exact_denoiser, exact_solution, falling, final_error, walk

SILENT = Stochastic(eta=0.0, s_noise=0.0)


def silent(sigma: float, sigma_next: float) -> torch.Tensor:
    """Noise of no size, for samplers that draw it and multiply it by 0."""
    return torch.zeros(1, dtype=torch.float64)


def measured_order(sampler: Sampler, steps: int) -> float:
    errors: list[float] = []
    for count in (steps, 2 * steps):
        levels = falling(count)
        x = torch.ones(1, dtype=torch.float64)
        exact = exact_solution(x, float(levels[0]), sigma_next=float(levels[-1]))
        errors.append(float((walk(sampler, exact_denoiser(), x, levels, silent) - exact).abs()))
    return math.log2(errors[0] / errors[1])


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("euler", 1),
        ("euler_cfg_pp", 1),
        # Weights that depend on the level's share in the first one keep the first order only.
        ("heunpp2", 1),
        ("gradient_estimation", 1),
        ("heun", 2),
        ("dpm_2", 2),
        ("exp_heun_2_x0", 2),
        ("dpmpp_2m", 2),
        ("dpmpp_2m_cfg_pp", 2),
        ("res_multistep", 2),
        ("res_multistep_cfg_pp", 2),
        # Weights of equal steps, on steps that are equal in the logarithm only.
        ("ipndm", 2),
        ("deis", 3),
        ("uni_pc", 3),
        ("uni_pc_bh2", 3),
    ],
)
def test_a_named_sampler_has_its_order(name: str, order: int) -> None:
    assert measured_order(SAMPLERS[name].walk, 48) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize(
    ("sampler", "order"),
    [
        pytest.param(partial(dpmpp_sde, settings=Singlestep(eta=0.0)), 2, id="dpmpp_sde"),
        pytest.param(partial(dpmpp_2m_sde, settings=TwoStep(eta=0.0)), 2, id="dpmpp_2m_sde"),
        pytest.param(partial(dpmpp_2m_sde, settings=TwoStep(eta=0.0, solver="heun")), 2, id="2m, heun"),
        # The third estimate lowers the error, the weights of the others keep its order.
        pytest.param(partial(dpmpp_3m_sde, settings=SILENT), 2, id="dpmpp_3m_sde"),
        pytest.param(partial(dpmpp_2s_ancestral, settings=SILENT), 2, id="dpmpp_2s"),
        pytest.param(partial(res_multistep, settings=SILENT), 2, id="res_multistep"),
        pytest.param(partial(seeds_2, settings=TwoStage(eta=0.0, s_noise=0.0)), 2, id="seeds_2"),
        pytest.param(partial(seeds_3, settings=SILENT), 3, id="seeds_3"),
        pytest.param(partial(er_sde, settings=Extended(kind="ODE", max_stage=1)), 1, id="er_sde, 1"),
        pytest.param(partial(er_sde, settings=Extended(kind="ODE", max_stage=2)), 2, id="er_sde, 2"),
    ],
)
def test_a_stochastic_sampler_without_noise_has_its_order(sampler: Sampler, order: int) -> None:
    assert measured_order(sampler, 48) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize(
    ("settings", "order"),
    [
        (StochasticAdams(tau=0.0, predictor_order=1, corrector_order=0), 1),
        (StochasticAdams(tau=0.0, predictor_order=2, corrector_order=0), 2),
        (StochasticAdams(tau=0.0, predictor_order=2, corrector_order=2, is_simple_2=True), 2),
        (StochasticAdams(tau=0.0), 4),
        (StochasticAdams(tau=0.0, evaluates_twice=True), 4),
    ],
    ids=["predictor 1", "predictor 2", "simple 2", "default", "pece"],
)
def test_sa_solver_has_its_correctors_order(settings: StochasticAdams, order: int) -> None:
    assert measured_order(partial(sa_solver, settings=settings), 96) == pytest.approx(order, abs=0.35)


@pytest.mark.parametrize("name", ["lms", "ipndm_v"])
def test_higher_orders_start_low_and_end_above_two(name: str) -> None:
    assert measured_order(SAMPLERS[name].walk, 96) > 2.4


def test_dpm_fast_spends_its_estimates_on_third_order_steps() -> None:
    assert final_error(SAMPLERS["dpm_fast"], 24) < 0.2 * final_error(SAMPLERS["dpmpp_2m"], 24)


@pytest.mark.parametrize("order", [2, 3])
def test_adaptive_steps_keep_the_error_near_what_is_tolerated(order: int) -> None:
    settings = StepControl(order=order, rtol=1e-4, atol=1e-4)
    denoiser, levels = exact_denoiser(), falling(20)
    x = torch.ones(4, dtype=torch.float64)
    exact = exact_solution(x, 10.0, sigma_next=0.01)
    result = walk(partial(dpm_adaptive, settings=settings), denoiser, x, levels)
    # Every step may err by 1e-4, and some dozens are made.
    torch.testing.assert_close(result, exact, rtol=0, atol=5e-3)


def test_a_finer_tolerance_takes_more_estimates() -> None:
    counts: list[int] = []
    for rtol in (0.05, 0.0005):
        denoiser = exact_denoiser()
        settings = StepControl(rtol=rtol, atol=rtol / 10)
        walk(partial(dpm_adaptive, settings=settings), denoiser, torch.ones(4), falling(20))
        counts.append(denoiser.estimates)
    assert counts[0] < counts[1]
