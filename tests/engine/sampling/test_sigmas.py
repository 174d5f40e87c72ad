import math
from typing import Any

import numpy as np
import pytest
import torch

from engine.graph.kinds import Parametrisation
from engine.sampling.sigmas import DistilledSigmas, build_sigmas, scaled_linear_sigmas

LOGARITHMIC = Parametrisation("v", "logarithmic", sigma_min=0.002, sigma_max=120.0)
ANGLES = Parametrisation("v", "angles", sigma_min=0.03, sigma_max=500.0)


def test_a_zero_terminal_table_is_the_papers_algorithm() -> None:
    roots = np.sqrt(np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2))
    stretched = (roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])
    expected = np.sqrt((1 - stretched[:-1] ** 2) / stretched[:-1] ** 2)
    table = scaled_linear_sigmas(is_zero_terminal=True).table
    np.testing.assert_allclose(table[:-1].numpy(), expected, rtol=1e-5)


def test_a_zero_terminal_table_ends_at_a_finite_level() -> None:
    sigmas = build_sigmas(Parametrisation("v", is_zero_terminal=True))
    # Recorded elsewhere for the last cumulative alpha that stands in for 0.
    assert sigmas.sigma_max == pytest.approx(4518.757, rel=1e-5)
    assert sigmas.timestep_at(sigmas.sigma_max) == 999


def test_distilled_levels_are_every_twentieth_from_the_noisiest() -> None:
    sigmas, whole = build_sigmas(Parametrisation("lcm", "distilled")), scaled_linear_sigmas().table
    assert isinstance(sigmas, DistilledSigmas)
    assert sigmas.table.tolist() == [float(whole[19 + 20 * place]) for place in range(50)]


def test_distilled_levels_keep_the_long_tables_timesteps() -> None:
    sigmas = build_sigmas(Parametrisation("lcm", "distilled"))
    timesteps = [sigmas.timestep_at(float(sigma)) for sigma in sigmas.table]
    assert timesteps == list(range(19, 1000, 20))
    torch.testing.assert_close(sigmas.sigma_at(torch.tensor(timesteps, dtype=torch.float32)), sigmas.table)


def test_logarithmic_timesteps_are_edms() -> None:
    sigmas = build_sigmas(LOGARITHMIC)
    assert sigmas.timestep_at(120.0) == pytest.approx(0.25 * math.log(120.0))
    torch.testing.assert_close(sigmas.sigma_at(torch.tensor([0.25 * math.log(3.0)])), torch.tensor([3.0]))


def test_angles_are_timesteps_between_0_and_1() -> None:
    sigmas = build_sigmas(ANGLES)
    assert sigmas.timestep_at(1.0) == pytest.approx(0.5)
    torch.testing.assert_close(sigmas.sigma_at(torch.tensor([0.5])), torch.tensor([1.0]))


@pytest.mark.parametrize("parametrisation", [LOGARITHMIC, ANGLES])
def test_continuous_levels_are_even_in_their_logarithm(parametrisation: Parametrisation) -> None:
    sigmas = build_sigmas(parametrisation)
    steps = sigmas.log_table.double().diff()
    assert sigmas.sigma_min == pytest.approx(parametrisation.sigma_min)
    assert sigmas.sigma_max == pytest.approx(parametrisation.sigma_max)
    # float32's precision at the logarithms' size, over the step between them
    torch.testing.assert_close(steps, steps.mean().expand_as(steps), rtol=1e-3, atol=0)


@pytest.mark.parametrize("levels", ["table", "distilled", "logarithmic", "angles"])
def test_the_way_down_begins_beyond_all_levels_and_ends_at_nothing(levels: Any) -> None:
    sigmas = build_sigmas(Parametrisation(levels=levels))
    assert (sigmas.sigma_at_percent(0.0), sigmas.sigma_at_percent(1.0)) == (999_999_999.9, 0.0)
    assert sigmas.sigma_min < sigmas.sigma_at_percent(0.6) < sigmas.sigma_at_percent(0.4) < sigmas.sigma_max


def test_a_share_of_the_way_is_a_share_of_the_timesteps() -> None:
    sigmas = scaled_linear_sigmas()
    assert sigmas.sigma_at_percent(0.5) == pytest.approx(float(sigmas.sigma_at(torch.tensor(499.5))))


def test_on_continuous_levels_it_is_a_share_of_the_logarithm() -> None:
    sigmas = build_sigmas(Parametrisation(levels="logarithmic", sigma_min=0.01, sigma_max=100.0))
    assert sigmas.sigma_at_percent(0.5) == pytest.approx(1.0, rel=1e-5)
