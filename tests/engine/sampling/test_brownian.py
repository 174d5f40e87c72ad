from typing import Any

import pytest
import torch

from engine.sampling.brownian import BrownianPath
from engine.sampling.noise import brownian_noise
from tests.engine.sampling.gaussian import read_fixture

RECORDED: dict[str, Any] = read_fixture("noise.json")["brownian"]


def path(seed: int = 42, shape: tuple[int, ...] = (1, 4, 8, 8)) -> BrownianPath:
    return BrownianPath(RECORDED["low"], RECORDED["high"], torch.Size(shape), seed)


@pytest.mark.parametrize("step", RECORDED["first4"])
def test_a_seed_gives_the_recorded_noise(step: str) -> None:
    sigma, sigma_next = map(float, step.split("->"))
    noise = path().noise(sigma, sigma_next).flatten()[:4].tolist()
    # Sums of the same float32 numbers in another order.
    assert noise == pytest.approx(RECORDED["first4"][step], abs=1e-6)


def test_two_steps_follow_the_path_of_one() -> None:
    found = path()
    whole = found.noise(9.0, 1.0) * 8.0**0.5
    parts = found.noise(9.0, 4.0) * 5.0**0.5 + found.noise(4.0, 1.0) * 3.0**0.5
    torch.testing.assert_close(whole, parts, rtol=1e-5, atol=1e-5)


def test_noise_is_normal_and_independent_from_step_to_step() -> None:
    found = path(shape=(40_000,))
    first, second = found.noise(9.0, 4.0), found.noise(4.0, 3.9)
    # 40,000 draws vary by half a per cent.
    assert float(first.std()) == pytest.approx(1.0, abs=0.02)
    assert float(second.std()) == pytest.approx(1.0, abs=0.02)
    assert float((first * second).mean()) == pytest.approx(0.0, abs=0.02)


def test_the_order_of_questions_does_not_change_the_path() -> None:
    forth, back = path(), path()
    forth.noise(9.0, 4.0)
    back.noise(1.0, 0.5)
    assert torch.equal(forth.noise(4.0, 1.0), back.noise(4.0, 1.0))


def test_all_64_bits_of_a_seed_count() -> None:
    assert not torch.equal(path(seed=1).noise(9.0, 4.0), path(seed=1 + 2**32).noise(9.0, 4.0))


def test_levels_beyond_the_ends_are_the_ends() -> None:
    beyond, whole = path().noise(20.0, 4.0) * 16.0**0.5, path().noise(RECORDED["high"], 4.0) * 10.6146**0.5
    torch.testing.assert_close(beyond, whole)


def test_the_path_spans_the_positive_levels() -> None:
    like = torch.zeros(1, 4, 8, 8)
    levels = torch.tensor([RECORDED["high"], 7.0, RECORDED["low"], 0.0])
    expected = path().noise(RECORDED["high"], 7.0)
    torch.testing.assert_close(brownian_noise(like, 42, levels)(RECORDED["high"], 7.0), expected)


def test_a_schedule_without_positive_levels_has_a_source_too() -> None:
    assert brownian_noise(torch.zeros(2), 1, torch.zeros(1))(0.5, 0.5).tolist() == [0.0, 0.0]
