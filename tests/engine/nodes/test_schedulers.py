from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_utils import AysSchedules

from engine.errors import BadInput
from engine.graph.kinds import Model, Sigmas
from engine.nodes import schedulers, sigmas
from engine.sampling.schedules import (
    beta_of,
    karras_between,
    laplace_between,
    polyexponential_between,
    schedule_sigmas,
    sd_turbo,
    vp,
)
from engine.sampling.sigmas import scaled_linear_sigmas
from tests.engine.nodes.studio import Studio

TABLE = scaled_linear_sigmas()
LEVELS = Sigmas(torch.tensor([8.0, 4.0, 2.0, 1.0, 0.0]))


@pytest.fixture(scope="module")
def model() -> Model:
    """Schedulers look at the family only."""
    handle: Any = type("Handle", (), {"family": "sd1"})()
    return Model(handle)


def test_schedulers_of_a_model_give_its_levels(model: Model) -> None:
    basic = schedulers.basic_scheduler(model=model, scheduler="karras", steps=6, denoise=0.5)
    assert torch.equal(basic.levels, schedule_sigmas("karras", TABLE, 6, 0.5))
    beta = schedulers.beta_sampling_scheduler(model=model, steps=6, alpha=0.4, beta=0.9)
    assert torch.equal(beta.levels, beta_of(TABLE, 6, 0.4, 0.9))
    turbo = schedulers.sd_turbo_scheduler(model=model, steps=2, denoise=0.8)
    assert torch.equal(turbo.levels, sd_turbo(TABLE, 2, 0.8))


def test_basic_levels_are_those_that_the_studio_samples(studio: Studio) -> None:
    found = schedulers.basic_scheduler(model=studio.load()[0], scheduler="normal", steps=3)
    assert torch.equal(found.levels, schedule_sigmas("normal", TABLE, 3))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(
            schedulers.karras_scheduler(steps=5, sigma_max=9.0, sigma_min=0.5, rho=3.0),
            karras_between(9.0, 0.5, 5, 3.0),
            id="Karras",
        ),
        pytest.param(
            schedulers.exponential_scheduler(steps=5, sigma_max=9.0, sigma_min=0.5),
            polyexponential_between(9.0, 0.5, 5),
            id="exponential",
        ),
        pytest.param(
            schedulers.polyexponential_scheduler(steps=5, sigma_max=9.0, sigma_min=0.5, rho=2.0),
            polyexponential_between(9.0, 0.5, 5, 2.0),
            id="polyexponential",
        ),
        pytest.param(
            schedulers.laplace_scheduler(steps=5, sigma_max=9.0, sigma_min=0.5, mu=0.2, beta=0.7),
            laplace_between(9.0, 0.5, 5, 0.2, 0.7),
            id="Laplace",
        ),
        pytest.param(
            schedulers.vp_scheduler(steps=5, beta_d=15.0, beta_min=0.2, eps_s=0.01),
            vp(5, 15.0, 0.2, 0.01),
            id="VP",
        ),
    ],
)
def test_schedulers_of_their_own_hand_their_settings_on(found: Sigmas, expected: torch.Tensor) -> None:
    assert torch.equal(found.levels, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1, 0.5", [1.0, 0.5]), ("14.6 7e-1,0", [14.6, 0.7, 0.0]), (" ", []), ("3,\n2", [3.0, 2.0])],
)
def test_levels_may_be_written_down(text: str, expected: list[float]) -> None:
    assert schedulers.manual_sigmas(sigmas=text).levels.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("word", ["high", "-1", "nan", "inf", "1.0.0"])
def test_what_is_no_level_is_refused(word: str) -> None:
    with pytest.raises(BadInput, match=f"'{word}' is no noise level"):
        schedulers.manual_sigmas(sigmas=f"5, {word}, 0")


def test_settings_that_have_no_schedule_are_refused(model: Model) -> None:
    with pytest.raises(BadInput, match=r"rho is 0\.0"):
        schedulers.karras_scheduler(rho=0.0)
    with pytest.raises(BadInput, match=r"sigma_min is 0\.0"):
        schedulers.exponential_scheduler(sigma_min=0.0)
    with pytest.raises(BadInput, match=r"alpha is 0\.0"):
        schedulers.beta_sampling_scheduler(model=model, alpha=0.0)


def test_levels_are_split_at_a_step() -> None:
    high, low = sigmas.split_sigmas(sigmas=LEVELS, step=3)
    assert (high.levels.tolist(), low.levels.tolist()) == ([8.0, 4.0, 2.0, 1.0], [1.0, 0.0])


@pytest.mark.parametrize(
    ("denoise", "high", "low"),
    [
        (0.5, [8.0, 4.0, 2.0], [2.0, 1.0, 0.0]),
        (1.0, [8.0], [8.0, 4.0, 2.0, 1.0, 0.0]),
        (0.0, [8.0, 4.0, 2.0, 1.0, 0.0], [0.0]),
    ],
)
def test_levels_are_split_at_a_share_of_the_steps(
    denoise: float, high: list[float], low: list[float]
) -> None:
    parts = sigmas.split_sigmas_denoise(sigmas=LEVELS, denoise=denoise)
    assert [part.levels.tolist() for part in parts] == [high, low]


def test_levels_are_turned_around_without_a_zero_at_the_start() -> None:
    found = sigmas.flip_sigmas(sigmas=LEVELS).levels.tolist()
    assert found == pytest.approx([0.0001, 1.0, 2.0, 4.0, 8.0])
    assert LEVELS.levels[-1] == 0


def test_the_first_level_is_replaced() -> None:
    assert sigmas.set_first_sigma(sigmas=LEVELS, sigma=9.5).levels.tolist() == [9.5, 4.0, 2.0, 1.0, 0.0]
    assert len(sigmas.set_first_sigma(sigmas=Sigmas(torch.empty(0)), sigma=9.5).levels) == 0


@pytest.mark.parametrize(
    ("spacing", "middle"), [("linear", 6.0), ("cosine", 8 - 4 * 0.5**0.5), ("sine", 4 + 4 * 0.5**0.5)]
)
def test_steps_are_made_of_one(spacing: Any, middle: float) -> None:
    found = sigmas.extend_intermediate_sigmas(
        sigmas=LEVELS, steps=2, start_at_sigma=-1.0, end_at_sigma=5.0, spacing=spacing
    )
    assert found.levels.tolist() == pytest.approx([8.0, middle, 4.0, 2.0, 1.0, 0.0])


def test_steps_above_the_start_are_left_alone() -> None:
    found = sigmas.extend_intermediate_sigmas(
        sigmas=LEVELS, steps=2, start_at_sigma=4.0, end_at_sigma=2.0, spacing="linear"
    )
    assert found.levels.tolist() == pytest.approx([8.0, 4.0, 3.0, 2.0, 1.5, 1.0, 0.0])


@pytest.mark.parametrize(
    ("percent", "is_actual", "expected"),
    [
        (0.0, False, 999_999_999.9),
        (0.0, True, TABLE.sigma_max),
        (1.0, False, 0.0),
        (1.0, True, TABLE.sigma_min),
        (0.25, True, TABLE.sigma_at_percent(0.25)),
    ],
)
def test_a_share_of_the_way_has_a_level(
    model: Model, percent: float, is_actual: bool, expected: float
) -> None:
    found = sigmas.sampling_percent_to_sigma(
        model=model, sampling_percent=percent, return_actual_sigma=is_actual
    )
    assert found == pytest.approx(expected)


PUBLISHED = {
    "SD1": "StableDiffusionSigmas",
    "SDXL": "StableDiffusionXLSigmas",
    "SVD": "StableDiffusionVideoSigmas",
}


@pytest.mark.parametrize("kind", PUBLISHED)
def test_aligned_steps_are_the_published_levels(kind: Any) -> None:
    found = schedulers.align_your_steps_scheduler(model_type=kind).levels
    # There rounded to three digits, and by a table that is a little coarser.
    torch.testing.assert_close(found, torch.tensor(AysSchedules[PUBLISHED[kind]]), rtol=5e-3, atol=2e-3)


def test_more_aligned_steps_lie_evenly_between_in_their_logarithm() -> None:
    ten, twenty = (schedulers.align_your_steps_scheduler(model_type="SDXL", steps=n).levels for n in (10, 20))
    torch.testing.assert_close(twenty[:-1:2], ten[:-1])
    torch.testing.assert_close(twenty[1:-2:2], (ten[:-2] * ten[1:-1]).sqrt())
    assert (len(twenty), float(twenty[-1])) == (21, 0.0)


@pytest.mark.parametrize(("denoise", "count"), [(0.5, 6), (0.26, 4), (0.04, 1)])
def test_of_aligned_steps_the_last_are_left(denoise: float, count: int) -> None:
    whole, part = (
        schedulers.align_your_steps_scheduler(model_type="SD1", denoise=share).levels
        for share in (1.0, denoise)
    )
    assert torch.equal(part, whole[-count:])


def test_without_denoising_there_are_no_aligned_steps() -> None:
    assert not len(schedulers.align_your_steps_scheduler(model_type="SD1", denoise=0.0).levels)
