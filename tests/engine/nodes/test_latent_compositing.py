import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention

from engine.errors import BadInput
from engine.graph.kinds import Latent, Mask
from engine.nodes.latent_compositing import latent_composite, latent_composite_masked, set_latent_noise_mask

BELOW, ABOVE = torch.zeros(2, 4, 16, 16), torch.ones(1, 4, 8, 8)


def composite(x: int, y: int, feather: int = 0, above: torch.Tensor = ABOVE) -> torch.Tensor:
    result = latent_composite(samples_to=Latent(BELOW), samples_from=Latent(above), x=x, y=y, feather=feather)
    return result.samples


def test_one_latent_lies_on_another_in_cells_of_eight_pixels() -> None:
    expected = BELOW.clone()
    expected[:, :, 2:10, 4:12] = 1
    assert torch.equal(composite(x=32, y=23), expected)
    assert not BELOW.any()


def test_what_leaves_the_picture_is_cut_off() -> None:
    expected = BELOW.clone()
    expected[:, :, 12:, 10:] = 1
    assert torch.equal(composite(x=80, y=96), expected)
    assert torch.equal(composite(x=128, y=0), BELOW)


def test_inner_edges_are_feathered_in_equal_steps() -> None:
    row = composite(x=32, y=32, feather=16)[0, 0, 8]
    assert row.tolist() == [0, 0, 0, 0, 0.5, 1, 1, 1, 1, 1, 1, 0.5, 0, 0, 0, 0]
    corner = composite(x=32, y=32, feather=16)[0, 0, 4, 4]
    assert float(corner) == 0.25


def test_edges_on_the_border_are_not_feathered() -> None:
    result = composite(x=0, y=64, feather=32)[0, 0]
    assert result[15].tolist() == [1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0, 0, 0, 0, 0, 0, 0, 0]
    assert result[8, 0] == 0.25


def test_a_masked_composite_blends_by_the_mask() -> None:
    mask = torch.rand(1, 64, 64)
    result = latent_composite_masked(
        destination=Latent(BELOW), source=Latent(ABOVE), x=16, y=40, mask=Mask(mask)
    ).samples
    scaled = F.interpolate(mask[:, None], size=(8, 8), mode="bilinear")
    torch.testing.assert_close(result[:, :, 5:13, 2:10], scaled.expand(2, 4, -1, -1))
    torch.testing.assert_close(result.sum(), scaled.sum() * 8)


def test_each_picture_has_its_own_mask() -> None:
    masks = torch.stack([torch.zeros(8, 8), torch.ones(8, 8)])
    result = latent_composite_masked(
        destination=Latent(BELOW), source=Latent(ABOVE), mask=Mask(masks)
    ).samples
    assert [float(entry.sum()) for entry in result] == [0, 4 * 64]


def test_the_source_is_stretched_on_demand() -> None:
    ramp = torch.rand(1, 4, 4, 8)
    result = latent_composite_masked(
        destination=Latent(BELOW), source=Latent(ramp), resize_source=True
    ).samples
    stretched = F.interpolate(ramp, size=(16, 16), mode="bilinear").expand(2, -1, -1, -1)
    torch.testing.assert_close(result, stretched)


def test_a_source_beyond_the_edge_changes_nothing() -> None:
    result = latent_composite_masked(destination=Latent(BELOW), source=Latent(ABOVE), x=16384, y=16384)
    assert torch.equal(result.samples, BELOW)


def test_latents_of_two_vaes_are_not_laid_onto_each_other() -> None:
    with pytest.raises(BadInput, match="4 and 16 channels"):
        composite(x=0, y=0, above=torch.zeros(1, 16, 8, 8))


def test_a_noise_mask_says_where_to_sample() -> None:
    mask = torch.rand(1, 64, 64)
    masked = set_latent_noise_mask(samples=Latent(BELOW, batch_index=(1, 2)), mask=Mask(mask))
    assert masked.noise_mask is mask
    assert masked.batch_index == (1, 2)
