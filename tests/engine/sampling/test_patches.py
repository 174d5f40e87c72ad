"""Guidance adaptations against their formulas, on networks that say what their text says."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer, normalized_guidance
from torch import Tensor

from engine.graph.adaptations import (
    PerpendicularNegative,
    PerturbedAttention,
    ProjectedGuidance,
    RedirectedGuidance,
    RenormalisedGuidance,
    RescaledGuidance,
    ScaledNoise,
    TangentialDamping,
    ZeroStarGuidance,
)
from engine.sampling.denoiser import Condition
from engine.sampling.guidance import Guided
from engine.sampling.patches import AdaptedGuidance, GuidanceAdaptation, differential_mask
from engine.sampling.sigmas import scaled_linear_sigmas

SHAPE = (2, 4, 4, 4)


def draw(seed: int) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


X, SIGMA, CFG = draw(0) * 3, 2.0, 6.0
# What the network says to each text, told by its only number.
ANSWERS = {1.0: draw(1), -1.0: draw(2), 0.0: draw(3)}


class Network:
    """Answers by text; `told` counts the samples that it was asked for."""

    def __init__(self) -> None:
        self.told = 0
        self.is_perturbed = False

    def __call__(self, x: Tensor, sigma: float, condition: Condition) -> Tensor:
        self.told += len(x)
        numbers = condition.text[:, 0, 0].tolist()
        answers = torch.stack([ANSWERS[number][place % 2] for place, number in enumerate(numbers)])
        return answers * (0.5 if self.is_perturbed else 1.0)

    @contextmanager
    def perturbed(self) -> Iterator[None]:
        self.is_perturbed = True
        yield
        self.is_perturbed = False


def side(number: float) -> list[Condition]:
    return [Condition(torch.full((1, 1, 1), number))]


def guidance(*adaptations: GuidanceAdaptation, cfg: float = CFG, network: Any = None) -> AdaptedGuidance:
    network = network or Network()
    guided = Guided(network, (side(1.0), side(-1.0)), (cfg, 1 - cfg))
    return AdaptedGuidance(guided, adaptations, network.perturbed)


POSITIVE, NEGATIVE, EMPTY = ANSWERS.values()


def close(found: Tensor, expected: Tensor) -> None:
    # A dozen float32 operations on numbers of about ten.
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_without_an_adaptation_it_is_plain_guidance() -> None:
    close(guidance()(X, SIGMA), NEGATIVE + CFG * (POSITIVE - NEGATIVE))


def velocity(denoised: Tensor) -> Tensor:
    """Of x = cos(a) data + sin(a) noise with tan(a) = sigma: cos(a) noise - sin(a) data."""
    angle = torch.tensor(SIGMA).atan()
    noise = (X - denoised) / SIGMA
    return angle.cos() * noise - angle.sin() * denoised


@pytest.mark.parametrize("multiplier", [0.0, 0.7, 1.0])
def test_rescaled_guidance_mixes_in_velocities_of_the_positive_sides_deviation(multiplier: float) -> None:
    plain = velocity(POSITIVE) * CFG + velocity(NEGATIVE) * (1 - CFG)
    expected = plain.clone()
    for sample in range(SHAPE[0]):
        factor = velocity(POSITIVE)[sample].std() / plain[sample].std()
        expected[sample] *= multiplier * factor + 1 - multiplier
    close(velocity(guidance(RescaledGuidance(multiplier))(X, SIGMA)), expected)


def test_zero_star_guidance_starts_from_the_best_multiple_of_the_negative_side() -> None:
    found = guidance(ZeroStarGuidance())(X, SIGMA)
    for sample in range(SHAPE[0]):
        positive, negative = (X - POSITIVE)[sample].flatten(), (X - NEGATIVE)[sample].flatten()
        best = torch.linalg.lstsq(negative[:, None], positive[:, None]).solution.squeeze()
        start = best * NEGATIVE[sample]
        close(found[sample], start + CFG * (POSITIVE[sample] - start))


def test_the_perpendicular_negative_leaves_the_positive_direction_alone() -> None:
    network = Network()
    sides = (side(1.0), side(-1.0), side(0.0))
    guided = Guided(network, sides, (CFG, 0.0, 1 - CFG))
    found = AdaptedGuidance(guided, [PerpendicularNegative(1.5)], network.perturbed)(X, SIGMA)
    positive, negative = POSITIVE - EMPTY, NEGATIVE - EMPTY
    taken = positive - (found - EMPTY) / CFG
    assert abs(float((taken * positive).sum())) < 1e-3
    # What is left of the negative direction lies along the positive one.
    rest = negative - taken / 1.5
    close(rest / rest.norm(), (positive * (rest * positive).sum().sign()) / positive.norm())


def test_perturbed_attention_guides_away_from_the_perturbed_estimate() -> None:
    network = Network()
    found = guidance(PerturbedAttention(3.0), network=network)(X, SIGMA)
    plain = NEGATIVE + CFG * (POSITIVE - NEGATIVE)
    close(found, plain + 3.0 * (POSITIVE - 0.5 * POSITIVE))
    assert not network.is_perturbed


@pytest.mark.parametrize(("eta", "threshold"), [(1.0, 0.0), (0.0, 0.0), (0.3, 5.0), (-2.0, 100.0)])
def test_projected_guidance_is_that_of_diffusers(eta: float, threshold: float) -> None:
    found = guidance(ProjectedGuidance(eta, threshold, 0.0))(X, SIGMA)
    expected = normalized_guidance(
        POSITIVE, NEGATIVE, CFG, eta=eta, norm_threshold=threshold, use_original_formulation=True
    )
    close(found, expected)


@pytest.mark.parametrize("momentum", [0.6, -0.75])
def test_projected_guidance_adds_up_over_the_steps_of_a_run(momentum: float) -> None:
    adapted, buffer = guidance(ProjectedGuidance(0.5, 5.0, momentum)), MomentumBuffer(momentum)
    for sigma in (4.0, 2.0, 1.0):
        expected = normalized_guidance(
            POSITIVE, NEGATIVE, CFG, buffer, 0.5, 5.0, use_original_formulation=True
        )
        close(adapted(X, sigma), expected)
    # A noisier level is another run's.
    fresh = guidance(ProjectedGuidance(0.5, 5.0, momentum))(X, 3.0)
    assert torch.equal(adapted(X, 3.0), fresh)


def test_the_tangent_is_damped_along_the_main_direction_of_both_sides() -> None:
    found = guidance(TangentialDamping())(X, SIGMA)
    for sample in range(SHAPE[0]):
        noise = torch.stack([(X - NEGATIVE)[sample].flatten(), (X - POSITIVE)[sample].flatten()])
        direction = torch.linalg.svd(noise, full_matrices=False)[2][0]
        negative = X[sample] - ((noise[0] @ direction) * direction).reshape(SHAPE[1:])
        close(found[sample], negative + CFG * (POSITIVE[sample] - negative))


@pytest.mark.parametrize(("ratio", "factor"), [(1.0, 1.0), (0.5, 0.5)])
def test_renormalised_guidance_is_no_longer_than_the_positive_side(ratio: float, factor: float) -> None:
    found = guidance(RenormalisedGuidance(100.0, ratio))(X, SIGMA)
    plain = NEGATIVE + CFG * (POSITIVE - NEGATIVE)
    for sample in range(SHAPE[0]):
        length = POSITIVE[sample].norm() * factor
        close(found[sample], plain[sample] / plain[sample].norm() * length)


def test_renormalised_guidance_of_any_length_is_plain_and_ends_above_a_level() -> None:
    plain = NEGATIVE + CFG * (POSITIVE - NEGATIVE)
    close(guidance(RenormalisedGuidance(100.0, 0.0))(X, SIGMA), plain)
    close(guidance(RenormalisedGuidance(100.0, 90.0))(X, SIGMA), plain)
    close(guidance(RenormalisedGuidance(SIGMA, 0.0))(X, SIGMA), POSITIVE)


def test_redirected_guidance_is_plain_where_the_sides_agree_and_leaps_where_they_oppose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(ANSWERS, -1.0, POSITIVE)
    close(guidance(RedirectedGuidance())(X, SIGMA), POSITIVE)
    monkeypatch.setitem(ANSWERS, -1.0, -POSITIVE)
    close(guidance(RedirectedGuidance())(X, SIGMA), CFG * POSITIVE)


def test_redirected_guidance_lies_between_by_the_likeness_of_the_sides() -> None:
    plain, leap = NEGATIVE + CFG * (POSITIVE - NEGATIVE), CFG * POSITIVE
    middle = (plain + leap) / 2
    dot = (middle.sign() * middle.abs().sqrt() * NEGATIVE.sign() * NEGATIVE.abs().sqrt()).sum(dim=1)
    lengths = middle.abs().sum(dim=1).sqrt() * NEGATIVE.abs().sum(dim=1).sqrt()
    share = ((dot / lengths).mean() + 1) / 2
    close(guidance(RedirectedGuidance())(X, SIGMA), leap + share * (plain - leap))


def test_scaled_noise_is_less_by_its_factor() -> None:
    plain = NEGATIVE + CFG * (POSITIVE - NEGATIVE)
    found = guidance(ScaledNoise(1.25))(X, SIGMA)
    close((X - found) * 1.25, X - plain)


def test_sides_are_corrected_before_they_are_combined_and_the_result_after() -> None:
    together = guidance(ScaledNoise(1.25), RenormalisedGuidance(100.0, 0.0), TangentialDamping())(X, SIGMA)
    damped = guidance(TangentialDamping())(X, SIGMA)
    close((X - together) * 1.25, X - damped)


def test_corrections_come_on_top_of_the_chosen_combination() -> None:
    rescaled = guidance(RescaledGuidance(0.7))(X, SIGMA)
    found = guidance(PerturbedAttention(2.0), RescaledGuidance(0.7))(X, SIGMA)
    close(found, rescaled + 2.0 * 0.5 * POSITIVE)


def test_the_last_chosen_combination_counts() -> None:
    twice = guidance(RescaledGuidance(1.0), RescaledGuidance(0.2))(X, SIGMA)
    assert torch.equal(twice, guidance(RescaledGuidance(0.2))(X, SIGMA))


@pytest.mark.parametrize(
    "adaptation",
    [
        RescaledGuidance(0.7),
        ZeroStarGuidance(),
        ProjectedGuidance(0.5, 5.0, 0.5),
        TangentialDamping(),
        RenormalisedGuidance(100.0, 1.0),
        RedirectedGuidance(),
    ],
    ids=lambda adaptation: type(adaptation).__name__,
)
def test_at_scale_1_the_negative_side_is_spared_and_the_positive_one_stays(adaptation: Any) -> None:
    network = Network()
    close(guidance(adaptation, cfg=1.0, network=network)(X, SIGMA), POSITIVE)
    assert network.told == SHAPE[0]


def test_the_unconditional_estimate_is_the_negative_sides_even_at_scale_1() -> None:
    found, unconditional = guidance(RescaledGuidance(0.7), cfg=1.0).with_unconditional(X, SIGMA)
    close(found, POSITIVE)
    assert torch.equal(unconditional, NEGATIVE)


def test_a_single_side_is_left_as_it_is() -> None:
    guided = Guided(Network(), (side(1.0),), (1.0,))
    adaptations = [
        ZeroStarGuidance(),
        RescaledGuidance(0.5),
        ProjectedGuidance(0.5, 5.0, 0.5),
        TangentialDamping(),
        RedirectedGuidance(),
    ]
    found = AdaptedGuidance(guided, adaptations, nullcontext)(X, SIGMA)
    close(found, POSITIVE)


SIGMAS = scaled_linear_sigmas()
LEVELS = torch.cat([SIGMAS.sigma_at(torch.tensor([999.0, 750.0, 500.0, 250.0])), torch.zeros(1)])
MASK = torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]).reshape(1, 1, 1, 6)


@pytest.mark.parametrize(
    ("place", "free"),
    [(0, [0, 0, 0, 0, 0, 1]), (1, [0, 0, 0, 0, 1, 1]), (2, [0, 0, 0, 1, 1, 1]), (3, [0, 0, 1, 1, 1, 1])],
)
def test_cells_become_free_in_the_order_of_their_values(place: int, free: list[int]) -> None:
    mask_at = differential_mask(LEVELS, SIGMAS, 1.0)
    assert mask_at(MASK, float(LEVELS[place])).flatten().tolist() == free


def test_below_full_strength_the_mask_itself_is_mixed_in() -> None:
    found = differential_mask(LEVELS, SIGMAS, 0.25)(MASK, float(LEVELS[2]))
    close(found, 0.25 * (MASK >= 0.5).float() + 0.75 * MASK)
