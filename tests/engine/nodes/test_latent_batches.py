import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention

from engine.errors import BadInput
from engine.graph.kinds import Latent
from engine.nodes.latent_batches import (
    latent_batch,
    latent_batch_seed_behavior,
    latent_from_batch,
    rebatch_latents,
    repeat_latent_batch,
)
from engine.sampling.noise import initial_noise

FIVE = torch.arange(5.0)[:, None, None, None].expand(5, 4, 8, 8)
MASKS = torch.arange(3.0)[:, None, None].expand(3, 64, 64)


def entries(latent: Latent) -> list[int]:
    return latent.samples[:, 0, 0, 0].int().tolist()


def test_batches_are_joined_and_the_second_fitted_to_the_first() -> None:
    first, second = torch.randn(2, 4, 8, 8), torch.randn(1, 4, 16, 24)
    joined = latent_batch(samples1=Latent(first), samples2=Latent(second))
    fitted = F.interpolate(second[..., 4:20], size=(8, 8), mode="bilinear")
    assert torch.equal(joined.samples, torch.cat([first, fitted]))
    assert joined.batch_index == (0, 1, 0)


def test_latents_of_two_vaes_make_no_batch() -> None:
    with pytest.raises(BadInput, match="4 and 16 channels"):
        latent_batch(samples1=Latent(FIVE), samples2=Latent(torch.zeros(1, 16, 8, 8)))


@pytest.mark.parametrize(
    ("first", "length", "expected"), [(0, 1, [0]), (1, 3, [1, 2, 3]), (3, 64, [3, 4]), (63, 2, [4])]
)
def test_a_part_of_a_batch_keeps_its_places(first: int, length: int, expected: list[int]) -> None:
    part = latent_from_batch(samples=Latent(FIVE), batch_index=first, length=length)
    assert entries(part) == expected
    assert part.batch_index == tuple(expected)


def test_a_part_of_a_batch_has_the_noise_that_it_has_in_the_whole() -> None:
    part = latent_from_batch(samples=Latent(FIVE), batch_index=2, length=2)
    whole = initial_noise(FIVE.shape, 7)
    assert torch.equal(initial_noise(part.samples.shape, 7, part.batch_index), whole[2:4])


def test_masks_are_repeated_over_the_batch_before_it_is_cut() -> None:
    part = latent_from_batch(samples=Latent(FIVE, MASKS), batch_index=2, length=3)
    assert part.noise_mask is not None
    assert part.noise_mask[:, 0, 0].tolist() == [2, 0, 1]


def test_one_mask_serves_every_part() -> None:
    part = latent_from_batch(samples=Latent(FIVE, MASKS[:1]), batch_index=3, length=2)
    assert part.noise_mask is not None
    assert part.noise_mask.shape == (1, 64, 64)


def test_a_repeated_batch_goes_on_behind_its_places() -> None:
    latent = Latent(FIVE[:2], MASKS[:2], (3, 5))
    repeated = repeat_latent_batch(samples=latent, amount=3)
    assert entries(repeated) == [0, 1, 0, 1, 0, 1]
    assert repeated.batch_index == (3, 5, 6, 8, 9, 11)
    assert repeated.noise_mask is not None
    assert repeated.noise_mask[:, 0, 0].tolist() == [0, 1, 0, 1, 0, 1]


def test_a_repeated_batch_without_places_has_none() -> None:
    assert repeat_latent_batch(samples=Latent(FIVE), amount=2).batch_index is None


def test_a_batch_beyond_the_limit_is_refused() -> None:
    huge = Latent(torch.zeros(1, 1, 1, 1).expand(1, 4, 900, 900))
    with pytest.raises(BadInput, match="64 pictures"):
        repeat_latent_batch(samples=huge, amount=64)


def test_fixed_gives_every_latent_the_same_noise() -> None:
    latent = latent_batch_seed_behavior(samples=Latent(FIVE, batch_index=(2, 3, 4, 5, 6)))
    noise = initial_noise(FIVE.shape, 1, latent.batch_index)
    assert torch.equal(noise, noise[:1].expand(5, -1, -1, -1))
    assert torch.equal(noise[0], initial_noise(torch.Size((3, 4, 8, 8)), 1)[2])


def test_random_gives_each_latent_its_own_noise() -> None:
    latent = Latent(FIVE, batch_index=(1, 1, 1, 1, 1))
    assert latent_batch_seed_behavior(samples=latent, seed_behavior="random").batch_index is None


def test_rebatching_latents_keeps_their_noise_and_masks() -> None:
    samples = torch.randn(5, 4, 4, 4)
    masked = Latent(samples[2:], noise_mask=torch.rand(1, 32, 32), batch_index=(7, 8, 9))
    batches = rebatch_latents(latents=[Latent(samples[:2]), masked], batch_size=[3])
    assert torch.equal(torch.cat([batch.samples for batch in batches]), samples)
    assert [batch.batch_index for batch in batches] == [(0, 1, 7), (8, 9)]
    first = batches[0].noise_mask
    assert first is not None
    assert masked.noise_mask is not None
    assert torch.equal(first, torch.cat([torch.ones(2, 32, 32), masked.noise_mask]))


def test_rebatching_begins_anew_where_the_shape_changes() -> None:
    latents = [
        Latent(torch.zeros(2, 4, 4, 4)),
        Latent(torch.zeros(1, 4, 8, 4)),
        Latent(torch.zeros(1, 4, 4, 4)),
    ]
    shapes = [tuple(batch.samples.shape) for batch in rebatch_latents(latents=latents, batch_size=[8])]
    assert shapes == [(2, 4, 4, 4), (1, 4, 8, 4), (1, 4, 4, 4)]
