import pytest
import torch
from torch import Tensor

from engine.errors import BadInput
from engine.sampling.noise import initial_noise
from engine.sampling.sample import Course, LatentScale, Start, add_noise, sample
from engine.sampling.samplers.table import SAMPLERS
from engine.sampling.schedules import schedule_sigmas
from engine.sampling.sigmas import scaled_linear_sigmas
from tests.engine.sampling.gaussian import FLOW, GaussianDenoiser, exact_denoiser

SIGMAS = scaled_linear_sigmas()
SPACE = LatentScale(scale=0.18215)
LATENT = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(3))


def course(steps: int = 8, denoise: float = 1.0, sampler: str = "euler") -> Course:
    return Course(schedule_sigmas("normal", SIGMAS, steps, denoise), SAMPLERS[sampler], SIGMAS)


def along(*levels: float, sampler: str = "euler") -> Course:
    return Course(torch.tensor(levels), SAMPLERS[sampler], SIGMAS)


def test_the_scale_is_undone_on_the_way_out() -> None:
    torch.testing.assert_close(SPACE.to_vae(SPACE.to_model(LATENT)), LATENT)


def test_an_empty_latent_stays_zero_even_where_there_is_a_shift() -> None:
    assert LatentScale(scale=2.0, shift=0.5).to_model(torch.zeros(1, 4, 2, 2)).count_nonzero() == 0


def test_a_denoiser_that_knows_the_answer_gives_it_in_vae_space() -> None:
    answer = torch.ones(2, 4, 8, 8)
    result = sample(lambda x, sigma: answer, Start(torch.zeros(2, 4, 8, 8), 1), course(), space=SPACE)
    torch.testing.assert_close(result, answer / 0.18215)


def test_no_denoising_gives_the_latent_back() -> None:
    assert torch.equal(sample(exact_denoiser(), Start(LATENT, 1), course(denoise=0.0), space=SPACE), LATENT)


def test_the_same_seed_gives_the_same_latent() -> None:
    runs = [
        sample(exact_denoiser(), Start(LATENT, 9), course(sampler="euler_ancestral"), space=SPACE)
        for _ in "ab"
    ]
    assert torch.equal(*runs)


def test_the_first_call_sees_the_latent_at_the_first_level() -> None:
    seen: list[tuple[Tensor, float]] = []

    def denoiser(x: Tensor, sigma: float) -> Tensor:
        seen.append((x, sigma))
        return x * 0

    sample(denoiser, Start(LATENT, 9), course(denoise=0.5), space=SPACE)
    x, sigma = seen[0]
    expected = LATENT * 0.18215 + initial_noise(LATENT.shape, 9) * sigma
    torch.testing.assert_close(x, expected)


def test_estimates_are_reported_in_vae_space() -> None:
    seen: list[Tensor] = []
    answer = torch.ones(1, 4, 2, 2)
    start = Start(torch.zeros(1, 4, 2, 2), 1)
    sample(
        lambda x, sigma: answer,
        start,
        course(),
        space=SPACE,
        on_step=lambda step, denoised: seen.append(denoised),
    )
    assert len(seen) == 8
    torch.testing.assert_close(seen[0], answer / 0.18215)


@pytest.mark.parametrize(
    ("sigma", "gain"), [(2.0, 2.0), (SIGMAS.sigma_max, (1 + SIGMAS.sigma_max**2) ** 0.5)]
)
def test_noise_from_the_top_of_the_table_has_a_little_more_variance(sigma: float, gain: float) -> None:
    noisy = add_noise(torch.zeros(1), torch.ones(1), sigma, SIGMAS)
    assert float(noisy) == pytest.approx(gain, rel=1e-6)


def test_on_a_flow_noise_takes_the_datas_place() -> None:
    noisy = add_noise(torch.full((1,), 3.0), torch.ones(1), 0.25, FLOW)
    assert float(noisy) == pytest.approx(0.75 * 3.0 + 0.25)


def test_a_latent_with_noise_is_given_none() -> None:
    seen: list[Tensor] = []

    def denoiser(x: Tensor, sigma: float) -> Tensor:
        seen.append(x)
        return x * 0

    sample(denoiser, Start(LATENT, 9, is_noised=False), along(5.0, 0.0), space=SPACE)
    torch.testing.assert_close(seen[0], LATENT * 0.18215)


@pytest.mark.parametrize("sigmas", [SIGMAS, FLOW], ids=["added noise", "flow"])
def test_a_run_in_two_parts_is_the_run_in_one(sigmas: object) -> None:
    denoiser = GaussianDenoiser(0.4, is_flow=sigmas is FLOW)
    levels = schedule_sigmas("simple", sigmas, 8)
    method = SAMPLERS["euler"]
    whole = sample(denoiser, Start(LATENT, 9), Course(levels, method, sigmas), space=SPACE)
    first = sample(denoiser, Start(LATENT, 9), Course(levels[:5], method, sigmas), space=SPACE)
    second = Start(first, 9, is_noised=False)
    rest = sample(denoiser, second, Course(levels[4:], method, sigmas), space=SPACE)
    torch.testing.assert_close(rest, whole)


@pytest.mark.parametrize("levels", [(5.0, 0.0, 1.0), (5.0, float("nan")), (float("inf"), 1.0), (5.0, -1.0)])
def test_levels_that_cannot_be_walked_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(BadInput, match="all but the last are finite and above 0"):
        sample(exact_denoiser(), Start(LATENT, 1), along(*levels), space=SPACE)


def test_a_step_between_equal_levels_does_nothing() -> None:
    once, twice = along(5.0, 2.0, 0.0, sampler="lms"), along(5.0, 5.0, 2.0, 2.0, 0.0, sampler="lms")
    results = [sample(exact_denoiser(), Start(LATENT, 1), found, space=SPACE) for found in (once, twice)]
    assert torch.equal(*results)


def test_a_brownian_sampler_follows_the_schedules_path() -> None:
    results = [
        sample(
            exact_denoiser(), Start(LATENT, seed), along(5.0, 2.0, 0.5, 0.0, sampler="dpmpp_sde"), space=SPACE
        )
        for seed in (1, 1, 2, 1 + 2**40)
    ]
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    # Its initial noise is the same, its path is not.
    assert not torch.equal(results[0], results[3])
