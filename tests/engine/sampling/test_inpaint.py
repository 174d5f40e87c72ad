import pytest
import torch
from torch import Tensor

from engine.sampling.inpaint import Repainting, fit_mask, paste
from engine.sampling.noise import initial_noise
from engine.sampling.process import Process
from engine.sampling.sample import Course, LatentScale, Start, sample
from engine.sampling.samplers.table import SAMPLERS
from engine.sampling.schedules import karras
from tests.engine.sampling.gaussian import EPS, FLOW, GaussianDenoiser, no_noise

SPACE = LatentScale(scale=0.18215)
LATENT = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(3))
# The right half is repainted.
MASK = torch.zeros(1, 8, 8)
MASK[..., 4:] = 1.0


def repaint(
    sampler: str = "euler", mask: Tensor = MASK, seed: int = 7, steps: int = 6, **start: object
) -> Tensor:
    course = Course(karras(EPS, steps), SAMPLERS[sampler], EPS)
    begin = Start(LATENT, seed, mask=mask, **start)  # type: ignore[arg-type]
    return sample(GaussianDenoiser(0.3, bias=0.1), begin, course, space=SPACE)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_is_not_repainted_is_the_original_to_the_bit(sampler: str) -> None:
    result = repaint(sampler, steps=3)
    assert torch.equal(result[..., :4], LATENT[..., :4])
    assert not torch.isclose(result[..., 4:], LATENT[..., 4:]).all(dim=0).any()


def test_the_denoiser_sees_the_original_at_the_noise_of_the_level() -> None:
    seen: list[tuple[Tensor, float]] = []

    def denoiser(x: Tensor, sigma: float) -> Tensor:
        seen.append((x, sigma))
        return x * 0

    course = Course(karras(EPS, 4), SAMPLERS["euler"], EPS)
    sample(denoiser, Start(LATENT, 7, mask=MASK), course, space=SPACE)
    noise = initial_noise(LATENT.shape, 7)
    for x, sigma in seen:
        expected = LATENT * 0.18215 + noise * sigma
        torch.testing.assert_close(x[..., :4], expected[..., :4])


def test_ddim_shows_the_original_at_other_noise() -> None:
    seen: list[Tensor] = []

    def denoiser(x: Tensor, sigma: float) -> Tensor:
        seen.append((x - LATENT * 0.18215) / sigma)
        return x * 0

    course = Course(karras(EPS, 4), SAMPLERS["ddim"], EPS)
    sample(denoiser, Start(LATENT, 7, mask=MASK), course, space=SPACE)
    torch.testing.assert_close(
        seen[0][..., :4], initial_noise(LATENT.shape, 8)[..., :4], rtol=1e-4, atol=1e-4
    )


def test_estimates_have_the_original_around_them() -> None:
    seen: list[Tensor] = []
    course = Course(karras(EPS, 4), SAMPLERS["euler"], EPS)
    begin = Start(LATENT, 7, mask=MASK)
    sample(
        GaussianDenoiser(0.3), begin, course, space=SPACE, on_step=lambda _, denoised: seen.append(denoised)
    )
    for denoised in seen:
        torch.testing.assert_close(denoised[..., :4], LATENT[..., :4])


def test_a_half_covered_cell_lies_between() -> None:
    covered, half = repaint(), repaint(mask=MASK * 0.5)
    assert torch.equal(half[..., :4], LATENT[..., :4])
    distance = (half - LATENT)[..., 4:].abs().mean()
    assert 0 < float(distance) < float((covered - LATENT)[..., 4:].abs().mean())


def test_a_mask_that_covers_all_changes_nothing_of_the_run() -> None:
    course = Course(karras(EPS, 6), SAMPLERS["euler"], EPS)
    plain = sample(GaussianDenoiser(0.3), Start(LATENT, 7), course, space=SPACE)
    torch.testing.assert_close(repaint(mask=torch.ones(1, 8, 8)), plain)


def test_a_mask_may_change_from_level_to_level() -> None:
    levels: list[float] = []

    def nothing_below_one(mask: Tensor, sigma: float) -> Tensor:
        levels.append(sigma)
        return mask if sigma > 1 else torch.zeros_like(mask)

    result = repaint(mask_at=nothing_below_one)
    assert levels == pytest.approx(karras(EPS, 6)[:-1].tolist())
    # The last estimate, of a mask that covers nothing, is the original.
    torch.testing.assert_close(result, LATENT)


def test_on_a_flow_the_original_is_mixed_with_noise() -> None:
    noise = torch.ones_like(LATENT)
    shown: list[Tensor] = []

    def denoiser(x: Tensor, sigma: float) -> Tensor:
        shown.append(x)
        return x

    process = Process(FLOW, no_noise)
    repainting = Repainting(denoiser, process, LATENT, noise, fit_mask(MASK, LATENT))  # type: ignore[arg-type]
    repainting(LATENT * 0, 0.25)
    torch.testing.assert_close(shown[0][..., :4], (LATENT * 0.75 + 0.25)[..., :4])


@pytest.mark.parametrize("shape", [(16, 16), (1, 16, 16), (2, 16, 16), (2, 1, 16, 16)])
def test_a_mask_is_brought_to_the_latents_size_and_batch(shape: tuple[int, ...]) -> None:
    mask = torch.zeros(shape)
    mask[..., 8:] = 1.0
    torch.testing.assert_close(fit_mask(mask, LATENT), MASK[:, None].expand(2, 1, 8, 8))


def test_pasting_leaves_partly_covered_cells_alone() -> None:
    mask = torch.tensor([0.0, 0.5, 1.0])
    assert paste(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([7.0, 8.0, 9.0]), mask).tolist() == [
        7.0,
        2.0,
        3.0,
    ]
