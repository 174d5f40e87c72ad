from typing import Any

import pytest
import torch

from engine.sampling.noise import initial_noise, step_noise
from tests.engine.sampling.gaussian import read_fixture

RECORDED: dict[str, Any] = read_fixture("noise.json")
SHAPE = torch.Size((2, 4, 8, 8))


@pytest.mark.parametrize("seed", RECORDED["first8"])
def test_a_seed_gives_the_recorded_noise(seed: str) -> None:
    noise = initial_noise(SHAPE, int(seed))
    assert noise.flatten()[:8].tolist() == pytest.approx(RECORDED["first8"][seed])
    assert noise[1].flatten()[:4].tolist() == pytest.approx(RECORDED["second_sample_first4"][seed])


def test_places_in_a_larger_batch_have_the_recorded_noise() -> None:
    noise = initial_noise(torch.Size((3, 4, 8, 8)), 42, batch_index=(0, 2, 2))
    assert noise[:, 0, 0, :4].tolist() == [
        pytest.approx(row) for row in RECORDED["batch_index_0_2_2_seed_42"]
    ]


def test_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(7)
    expected = torch.randn(1)
    torch.manual_seed(7)
    initial_noise(SHAPE, 1)
    assert torch.equal(torch.randn(1), expected)


def test_the_first_draw_of_a_stochastic_sampler_equals_the_initial_noise() -> None:
    assert torch.equal(step_noise(torch.zeros(SHAPE), 5)(9.0, 4.0), initial_noise(SHAPE, 5))


def test_each_draw_is_another() -> None:
    draw = step_noise(torch.zeros(SHAPE), 5)
    assert not torch.equal(draw(9.0, 4.0), draw(9.0, 4.0))
