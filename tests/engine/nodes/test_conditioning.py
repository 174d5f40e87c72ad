import torch

from engine.graph.kinds import Area, CondEntry, Conditioning, Mask, RelativeArea
from engine.nodes.conditioning import (
    conditioning_average,
    conditioning_combine,
    conditioning_concat,
    conditioning_set_area,
    conditioning_set_area_percentage,
    conditioning_set_area_strength,
    conditioning_set_default_combine,
    conditioning_set_mask,
    conditioning_set_timestep_range,
    conditioning_zero_out,
)
from engine.nodes.latent import empty_latent_image
from tests.engine.nodes.studio import Studio
from tests.engine.oracles.make_checkpoint import TINY


def test_a_prompt_becomes_one_entry_of_77_tokens(studio: Studio) -> None:
    (entry,) = studio.encode("a cat").entries
    assert entry.cond.shape == (1, 77, TINY.text.width)
    assert entry.pooled is None


def test_a_long_prompt_becomes_several_chunks_in_one_entry(studio: Studio) -> None:
    (entry,) = studio.encode("word " * 100).entries
    assert entry.cond.shape == (1, 154, TINY.text.width)


def test_a_weight_changes_the_words_it_is_given_to_and_no_others(studio: Studio) -> None:
    plain, weighted = (
        studio.encode("a red cat").entries[0].cond,
        studio.encode("a (red:1.4) cat").entries[0].cond,
    )
    # The words stand at 1 to 3, after the mark of the beginning.
    assert (plain != weighted).any(dim=-1)[0].nonzero().flatten().tolist() == [2]


def test_the_empty_prompt_is_a_prompt(studio: Studio) -> None:
    assert torch.isfinite(studio.encode("").entries[0].cond).all()


def text(value: float, tokens: int = 77, pooled: float | None = None) -> Conditioning:
    vector = None if pooled is None else torch.full((1, 5), pooled)
    return Conditioning((CondEntry(torch.full((1, tokens, 3), value), vector),))


def test_combining_keeps_both() -> None:
    one, two = text(1.0), text(2.0)
    assert conditioning_combine(conditioning_1=one, conditioning_2=two).entries == one.entries + two.entries


def test_texts_are_put_behind_each_other_and_the_first_keeps_its_vector() -> None:
    joined = conditioning_concat(
        conditioning_to=text(1.0, pooled=3.0), conditioning_from=text(2.0, 154, pooled=4.0)
    )
    (entry,) = joined.entries
    assert entry.cond.shape == (1, 231, 3)
    assert entry.cond[0, [76, 77], 0].tolist() == [1.0, 2.0]
    assert entry.pooled is not None
    assert entry.pooled[0, 0].item() == 3.0


def test_an_average_mixes_tokens_and_vectors() -> None:
    mixed = conditioning_average(
        conditioning_to=text(1.0, pooled=3.0),
        conditioning_from=text(2.0, pooled=5.0),
        conditioning_to_strength=0.75,
    )
    (entry,) = mixed.entries
    assert entry.cond[0, 0, 0].item() == 1.25
    assert entry.pooled is not None
    assert entry.pooled[0, 0].item() == 3.5


def test_an_average_with_a_shorter_text_fills_it_up_with_zeros() -> None:
    mixed = conditioning_average(
        conditioning_to=text(1.0, 154), conditioning_from=text(2.0, 77), conditioning_to_strength=0.5
    )
    assert mixed.entries[0].cond[0, [76, 77], 0].tolist() == [1.5, 0.5]


def test_an_average_with_a_longer_text_cuts_it_off() -> None:
    mixed = conditioning_average(
        conditioning_to=text(1.0, 77), conditioning_from=text(2.0, 154), conditioning_to_strength=0.5
    )
    assert mixed.entries[0].cond.shape == (1, 77, 3)


def test_a_vector_that_only_one_has_is_taken_whole() -> None:
    mixed = conditioning_average(
        conditioning_to=text(1.0), conditioning_from=text(2.0, pooled=5.0), conditioning_to_strength=0.5
    )
    assert mixed.entries[0].pooled is not None
    assert mixed.entries[0].pooled[0, 0].item() == 5.0


def test_an_area_is_given_in_pixels_and_kept_in_cells() -> None:
    made = conditioning_set_area(conditioning=text(1.0), width=64, height=96, x=32, y=16, strength=0.5)
    assert (made.entries[0].area, made.entries[0].strength) == (Area(12, 8, 2, 4), 0.5)


def test_an_area_is_given_in_shares() -> None:
    made = conditioning_set_area_percentage(conditioning=text(1.0), width=0.5, height=0.25, x=0.5, y=0.1)
    assert made.entries[0].area == RelativeArea(0.25, 0.5, 0.1, 0.5)


def test_zeros_replace_what_the_encoder_said() -> None:
    (entry,) = conditioning_zero_out(conditioning=text(1.0, pooled=3.0)).entries
    assert entry.pooled is not None
    assert not entry.cond.any()
    assert not entry.pooled.any()


EMPTY = empty_latent_image(width=128, height=96, batch_size=1)


def test_where_only_one_text_counts_the_picture_is_its_own(studio: Studio) -> None:
    """One step of an area that fills the right half: the left half is what the other text makes alone."""
    dog = studio.encode("a red dog")
    mask = torch.zeros(1, 96, 128)
    mask[:, :, 64:] = 1
    halves = [
        conditioning_set_mask(
            conditioning=studio.encode("a cat"), mask=Mask(1 - mask), set_cond_area="default"
        ),
        conditioning_set_mask(conditioning=dog, mask=Mask(mask), set_cond_area="default"),
    ]
    both = conditioning_combine(conditioning_1=halves[0], conditioning_2=halves[1])
    made, cat_alone, dog_alone = (
        studio.sample(EMPTY, steps=1, positive=positive).samples
        for positive in (both, studio.encode("a cat"), dog)
    )
    torch.testing.assert_close(made[..., :8], cat_alone[..., :8], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(made[..., 8:], dog_alone[..., 8:], rtol=1e-4, atol=1e-4)


def test_a_default_counts_where_masks_leave_something_over(studio: Studio) -> None:
    mask = torch.zeros(1, 96, 128)
    mask[:, :, 64:] = 1
    masked = conditioning_set_mask(
        conditioning=studio.encode("a red dog"), mask=Mask(mask), set_cond_area="default"
    )
    cat = studio.encode("a cat")
    both = conditioning_set_default_combine(cond=masked, cond_DEFAULT=cat)
    made, alone = (studio.sample(EMPTY, steps=1, positive=positive).samples for positive in (both, cat))
    torch.testing.assert_close(made[..., :8], alone[..., :8], rtol=1e-4, atol=1e-4)
    assert not torch.equal(made[..., 8:], alone[..., 8:])


def test_the_bounds_of_a_mask_are_denoised_by_themselves(studio: Studio) -> None:
    mask = torch.zeros(1, 96, 128)
    mask[:, 16:80, 64:] = 1
    made = {
        bounds: studio.sample(
            EMPTY,
            positive=conditioning_combine(
                conditioning_1=studio.encode("a cat"),
                conditioning_2=conditioning_set_mask(
                    conditioning=studio.encode("a red dog"), mask=Mask(mask), set_cond_area=bounds
                ),
            ),
        ).samples
        for bounds in ("default", "mask bounds")
    }
    assert torch.isfinite(made["mask bounds"]).all()
    assert not torch.equal(made["default"], made["mask bounds"])


def test_an_area_changes_the_picture_and_its_strength_does_too(studio: Studio) -> None:
    plain = studio.encode("a cat")
    area = conditioning_set_area(conditioning=studio.encode("a red dog"), width=64, height=96, x=64, y=0)
    pictures = [
        studio.sample(EMPTY, positive=positive).samples
        for positive in (
            plain,
            conditioning_combine(conditioning_1=plain, conditioning_2=area),
            conditioning_combine(
                conditioning_1=plain,
                conditioning_2=conditioning_set_area_strength(conditioning=area, strength=3.0),
            ),
        )
    ]
    assert not torch.equal(pictures[0], pictures[1])
    assert not torch.equal(pictures[1], pictures[2])


def test_a_text_that_never_holds_does_not_count(studio: Studio) -> None:
    plain = studio.encode("a cat")
    # Three steps begin at the noisiest level, in the middle and near the end.
    ranged = conditioning_set_timestep_range(conditioning=studio.encode("a dog"), start=0.4, end=0.41)
    both = conditioning_combine(conditioning_1=plain, conditioning_2=ranged)
    assert torch.equal(
        studio.sample(EMPTY, positive=both).samples, studio.sample(EMPTY, positive=plain).samples
    )


def test_two_texts_can_take_turns(studio: Studio) -> None:
    first = conditioning_set_timestep_range(conditioning=studio.encode("a cat"), start=0.0, end=0.4)
    second = conditioning_set_timestep_range(conditioning=studio.encode("a dog"), start=0.4, end=1.0)
    turns = studio.sample(EMPTY, positive=conditioning_combine(conditioning_1=first, conditioning_2=second))
    for text in ("a cat", "a dog"):
        assert not torch.equal(turns.samples, studio.sample(EMPTY, positive=studio.encode(text)).samples)
