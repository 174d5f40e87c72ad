from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention

from engine.errors import BadInput
from engine.graph.kinds import Latent
from engine.nodes.latent_arithmetic import (
    latent_add,
    latent_blend,
    latent_concat,
    latent_cut,
    latent_interpolate,
    latent_multiply,
    latent_subtract,
)

A, B = (torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))


def test_latents_are_added_subtracted_and_multiplied() -> None:
    assert torch.equal(latent_add(samples1=Latent(A), samples2=Latent(B)).samples, A + B)
    assert torch.equal(latent_subtract(samples1=Latent(A), samples2=Latent(B)).samples, A - B)
    assert torch.equal(latent_multiply(samples=Latent(A), multiplier=-1.5).samples, A * -1.5)


def test_the_second_is_fitted_to_the_first_and_repeated() -> None:
    tall = torch.randn(1, 4, 24, 16)
    fitted = F.interpolate(tall[:, :, 4:20], size=(8, 8), mode="bilinear")
    assert torch.equal(latent_add(samples1=Latent(A), samples2=Latent(tall)).samples, A + fitted)


def test_what_the_first_carries_stays() -> None:
    latent = Latent(A, torch.ones(1, 64, 64), (4, 5))
    total = latent_add(samples1=latent, samples2=Latent(B))
    assert (total.noise_mask, total.batch_index) == (latent.noise_mask, (4, 5))


def test_latents_of_two_vaes_are_not_mixed() -> None:
    with pytest.raises(BadInput, match="4 and 16 channels, so they are of different VAEs"):
        latent_add(samples1=Latent(A), samples2=Latent(torch.zeros(2, 16, 8, 8)))


def test_lengths_blend_linearly_when_interpolating() -> None:
    mixed = latent_interpolate(samples1=Latent(A), samples2=Latent(B), ratio=0.3).samples
    torch.testing.assert_close(mixed.norm(dim=1), A.norm(dim=1) * 0.3 + B.norm(dim=1) * 0.7)


def test_directions_blend_as_unit_vectors_when_interpolating() -> None:
    mixed = latent_interpolate(samples1=Latent(A), samples2=Latent(B), ratio=0.3).samples
    direction = F.normalize(F.normalize(A, dim=1) * 0.3 + F.normalize(B, dim=1) * 0.7, dim=1)
    torch.testing.assert_close(F.normalize(mixed, dim=1), direction)


@pytest.mark.parametrize(("ratio", "expected"), [(1.0, A), (0.0, B)])
def test_the_ends_of_an_interpolation_are_the_latents(ratio: float, expected: torch.Tensor) -> None:
    mixed = latent_interpolate(samples1=Latent(A), samples2=Latent(B), ratio=ratio).samples
    torch.testing.assert_close(mixed, expected)


def test_empty_latents_interpolate_to_an_empty_one() -> None:
    empty = Latent(torch.zeros(1, 4, 8, 8))
    assert not latent_interpolate(samples1=empty, samples2=empty, ratio=0.5).samples.any()


def test_a_blend_is_linear_and_fits_with_bicubic() -> None:
    large = torch.randn(2, 4, 16, 16)
    blended = latent_blend(samples1=Latent(A), samples2=Latent(large), blend_factor=0.75).samples
    torch.testing.assert_close(blended, A * 0.75 + F.interpolate(large, size=(8, 8), mode="bicubic") * 0.25)


@pytest.mark.parametrize(
    ("dim", "axis", "parts"),
    [("x", 3, (A, B)), ("-x", 3, (B, A)), ("y", 2, (A, B)), ("-y", 2, (B, A)), ("t", 1, (A, B))],
)
def test_latents_are_joined_along_an_axis(dim: Any, axis: int, parts: Any) -> None:
    joined = latent_concat(samples1=Latent(A), samples2=Latent(B), dim=dim).samples
    assert torch.equal(joined, torch.cat(parts, dim=axis))


def test_latents_that_do_not_fit_together_are_not_joined() -> None:
    with pytest.raises(BadInput, match="all sides but the one"):
        latent_concat(samples1=Latent(A), samples2=Latent(torch.zeros(2, 4, 9, 8)), dim="x")


@pytest.mark.parametrize(
    ("index", "amount", "expected"),
    [
        (0, 1, [0]),
        (2, 3, [2, 3, 4]),
        (6, 9, [6, 7]),
        (99, 1, [7]),
        (-3, 2, [5, 6]),
        (-2, 9, [6, 7]),
        (-99, 1, [0]),
    ],
)
def test_a_slice_is_cut_out(index: int, amount: int, expected: list[int]) -> None:
    columns = torch.arange(8.0).expand(1, 4, 8, 8)
    cut = latent_cut(samples=Latent(columns), dim="x", index=index, amount=amount).samples
    assert cut[0, 0, 0].tolist() == expected
    assert cut.shape[2] == 8
