"""What the nodes set, and whole runs of what they make."""

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.graph.kinds import CondEntry, Conditioning, Latent, Mask, TimestepsRange
from engine.nodes.conditioning import (
    conditioning_combine,
    conditioning_set_default_combine,
    conditioning_set_mask,
    conditioning_set_timestep_range,
)
from engine.nodes.conditioning_sets import (
    conditioning_set_properties,
    conditioning_set_properties_and_combine,
    conditioning_timesteps_range,
    pair_conditioning_combine,
    pair_conditioning_set_default_combine,
    pair_conditioning_set_properties,
    pair_conditioning_set_properties_and_combine,
)
from tests.engine.nodes.studio import Studio

EMPTY = Latent(torch.zeros(1, 4, 8, 8))
LEFT = Mask((torch.arange(64) < 32).float().expand(1, 64, 64))
LATE = TimestepsRange(0.4, 0.9)


def text(value: float) -> Conditioning:
    return Conditioning((CondEntry(torch.full((1, 7, 4), value)),))


A, B, C, D = (text(value) for value in (1.0, 2.0, 3.0, 4.0))


def values_of(conditioning: Conditioning) -> list[float]:
    return [float(entry.cond[0, 0, 0]) for entry in conditioning.entries]


def settings_of(entry: CondEntry) -> tuple[object, ...]:
    return entry.mask, entry.mask_strength, entry.is_cut_to_mask, entry.strength, entry.start, entry.end


def test_a_range_has_a_before_and_an_after() -> None:
    found = conditioning_timesteps_range(start_percent=0.2, end_percent=0.7)
    assert found == (TimestepsRange(0.2, 0.7), TimestepsRange(0.0, 0.2), TimestepsRange(0.7, 1.0))


@pytest.mark.parametrize(("area", "is_cut"), [("default", False), ("mask bounds", True)])
def test_all_properties_are_set(area: Any, is_cut: bool) -> None:
    found = conditioning_set_properties(
        cond_NEW=A, strength=0.5, set_cond_area=area, mask=LEFT, timesteps=LATE
    )
    assert settings_of(found.entries[0]) == (LEFT.values, 0.5, is_cut, 1.0, 0.4, 0.9)


def test_what_is_not_given_stays() -> None:
    before = conditioning_set_timestep_range(conditioning=A, start=0.1, end=0.2)
    masked = conditioning_set_properties(cond_NEW=before, strength=2.0, set_cond_area="default", mask=LEFT)
    assert settings_of(masked.entries[0]) == (LEFT.values, 2.0, False, 1.0, 0.1, 0.2)
    # The strength is the mask's.
    same = conditioning_set_properties(cond_NEW=masked, strength=3.0, set_cond_area="mask bounds")
    assert settings_of(same.entries[0]) == settings_of(masked.entries[0])


def test_only_the_new_one_of_two_is_changed() -> None:
    found = conditioning_set_properties_and_combine(
        cond=A, cond_NEW=B, strength=0.5, set_cond_area="default", mask=LEFT
    )
    assert values_of(found) == [1.0, 2.0]
    assert [entry.mask is LEFT.values for entry in found.entries] == [False, True]


def test_both_sides_of_a_pair_are_changed() -> None:
    pair = pair_conditioning_set_properties(
        positive_NEW=A, negative_NEW=B, strength=0.5, set_cond_area="default", mask=LEFT, timesteps=LATE
    )
    assert [values_of(side) for side in pair] == [[1.0], [2.0]]
    assert {settings_of(side.entries[0])[1:] for side in pair} == {(0.5, False, 1.0, 0.4, 0.9)}


def test_the_new_pair_is_changed_and_added() -> None:
    pair = pair_conditioning_set_properties_and_combine(
        positive=A,
        negative=B,
        positive_NEW=C,
        negative_NEW=D,
        strength=1.0,
        set_cond_area="default",
        timesteps=LATE,
    )
    assert [values_of(side) for side in pair] == [[1.0, 3.0], [2.0, 4.0]]
    assert [[entry.start for entry in side.entries] for side in pair] == [[0.0, 0.4]] * 2


def test_pairs_are_combined_side_by_side() -> None:
    pair = pair_conditioning_combine(positive_A=A, negative_A=B, positive_B=C, negative_B=D)
    assert [values_of(side) for side in pair] == [[1.0, 3.0], [2.0, 4.0]]


def test_a_default_pair_is_for_the_rest() -> None:
    pair = pair_conditioning_set_default_combine(
        positive=A, negative=B, positive_DEFAULT=C, negative_DEFAULT=D
    )
    assert [values_of(side) for side in pair] == [[1.0, 3.0], [2.0, 4.0]]
    assert [[entry.is_rest for entry in side.entries] for side in pair] == [[False, True]] * 2


def sample(studio: Studio, positive: Conditioning, negative: Conditioning) -> Tensor:
    return studio.sample(EMPTY, positive=positive, negative=negative).samples


def test_pairs_are_drawn_as_their_sides_set_one_by_one(studio: Studio) -> None:
    cat, dog, blurry = (studio.encode(words) for words in ("a cat", "a dog", "blurry"))
    pair = pair_conditioning_set_properties_and_combine(
        positive=cat,
        negative=blurry,
        positive_NEW=dog,
        negative_NEW=blurry,
        strength=0.7,
        set_cond_area="mask bounds",
        mask=LEFT,
        timesteps=TimestepsRange(0.0, 0.5),
    )

    def one_by_one(conditioning: Conditioning) -> Conditioning:
        masked = conditioning_set_mask(
            conditioning=conditioning, mask=LEFT, strength=0.7, set_cond_area="mask bounds"
        )
        return conditioning_set_timestep_range(conditioning=masked, start=0.0, end=0.5)

    expected = [
        conditioning_combine(conditioning_1=side, conditioning_2=one_by_one(new))
        for side, new in ((cat, dog), (blurry, blurry))
    ]
    made = sample(studio, *pair)
    assert torch.equal(made, sample(studio, *expected))
    assert not torch.allclose(made, sample(studio, cat, blurry), rtol=1e-3, atol=1e-3)


def test_a_default_pair_fills_what_the_mask_leaves(studio: Studio) -> None:
    cat, dog, blurry = (studio.encode(words) for words in ("a cat", "a dog", "blurry"))
    masked = conditioning_set_properties(cond_NEW=cat, set_cond_area="default", mask=LEFT)
    pair = pair_conditioning_set_default_combine(
        positive=masked, negative=blurry, positive_DEFAULT=dog, negative_DEFAULT=cat
    )
    by_hand = conditioning_set_default_combine(cond=masked, cond_DEFAULT=dog)
    made = sample(studio, *pair)
    # The negative side covers all by itself, so nothing is left for its default.
    assert torch.equal(made, sample(studio, by_hand, blurry))
    assert not torch.allclose(made, sample(studio, cat, blurry), rtol=1e-3, atol=1e-3)
