import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention

from engine.errors import BadInput
from engine.graph.kinds import Latent
from engine.nodes.latent_operations import (
    latent_apply_operation,
    latent_operation_sharpen,
    latent_operation_tonemap_reinhard,
)

LATENT = torch.randn(2, 4, 24, 20, generator=torch.Generator().manual_seed(3)) * 3


def test_tone_mapping_follows_reinhards_curve() -> None:
    operation = latent_operation_tonemap_reinhard(multiplier=0.5)
    mapped = latent_apply_operation(samples=Latent(LATENT), operation=operation).samples
    length = LATENT.norm(dim=1)
    for entry, before in zip(mapped, length, strict=True):
        unit = before / ((before.mean() + 5 * before.std()) * 0.5)
        expected = unit / (unit + 1) * (before.mean() + 5 * before.std()) * 0.5
        torch.testing.assert_close(entry.norm(dim=0), expected)
    torch.testing.assert_close(F.normalize(mapped, dim=1), F.normalize(LATENT, dim=1))


def test_tone_mapping_by_nothing_leaves_nothing() -> None:
    assert not latent_operation_tonemap_reinhard(multiplier=0.0).apply(LATENT).any()


def test_sharpening_nothing_but_a_flat_latent_changes_it_not() -> None:
    flat = torch.tensor([1.0, -2.0, 3.0, 0.5])[None, :, None, None].expand(1, -1, 24, 20)
    # Lengths are divided by with 1e-6 added and multiplied by again; the rest is rounding.
    torch.testing.assert_close(latent_operation_sharpen().apply(flat), flat, rtol=1e-5, atol=1e-5)


def test_sharpening_is_an_unsharp_mask_of_the_directions() -> None:
    sharpened = latent_operation_sharpen(sharpen_radius=2, sigma=1.0, alpha=0.1).apply(LATENT)
    axis = torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0])
    kernel = torch.exp(-(axis[:, None] ** 2 + axis**2) / 2)
    kernel = -kernel / kernel.sum()
    kernel[2, 2] += 2
    length = LATENT.norm(dim=1, keepdim=True)
    mirrored = F.pad(LATENT / length, (2, 2, 2, 2), mode="reflect")
    expected = (
        F.conv2d(mirrored.flatten(0, 1)[:, None], kernel[None, None])[:, 0].unflatten(0, (2, 4)) * length
    )
    torch.testing.assert_close(sharpened, expected, rtol=1e-4, atol=1e-4)


def test_a_radius_larger_than_the_latent_is_refused() -> None:
    with pytest.raises(BadInput, match="a radius of 9 needs more than 9 elements a side, here are 8 × 8"):
        latent_operation_sharpen(sharpen_radius=9).apply(torch.zeros(1, 4, 8, 8))
