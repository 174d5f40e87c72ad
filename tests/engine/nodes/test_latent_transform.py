from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention

from engine.errors import BadInput
from engine.graph.kinds import Latent
from engine.nodes.latent_transform import latent_crop, latent_flip, latent_rotate, latent_upscale_by

# Every element tells its row and column.
GRID = (torch.arange(20.0)[:, None] * 100 + torch.arange(24.0)).expand(2, 4, 20, 24)


@pytest.mark.parametrize("method", ["nearest-exact", "bilinear", "area", "bicubic"])
def test_scaling_by_a_factor_is_torchs_interpolation(method: str) -> None:
    samples = torch.randn(2, 4, 6, 10)
    scaled = latent_upscale_by(samples=Latent(samples), upscale_method=method, scale_by=1.25).samples
    assert torch.equal(scaled, F.interpolate(samples, size=(8, 12), mode=method))  # 7.5 and 12.5, to even


def test_a_latent_is_never_scaled_to_nothing() -> None:
    samples = latent_upscale_by(samples=Latent(GRID), upscale_method="bislerp", scale_by=0.01).samples
    assert samples.shape == (2, 4, 1, 1)


def test_scaling_beyond_the_limit_is_refused() -> None:
    huge = Latent(torch.zeros(1, 1, 1, 1).expand(1, 4, 2000, 2000))
    with pytest.raises(BadInput, match="128000 × 128000 pixels"):
        latent_upscale_by(samples=huge, upscale_method="area", scale_by=8.0)


@pytest.mark.parametrize(
    ("rotation", "corner"), [("none", 0), ("90 degrees", 1900), ("180 degrees", 1923), ("270 degrees", 23)]
)
def test_turning_clockwise_brings_another_corner_to_the_top_left(rotation: Any, corner: int) -> None:
    turned = latent_rotate(samples=Latent(GRID), rotation=rotation).samples
    assert int(turned[0, 0, 0, 0]) == corner


@pytest.mark.parametrize(("method", "corner"), [("x-axis: vertically", 1900), ("y-axis: horizontally", 23)])
def test_flipping_mirrors_one_axis(method: Any, corner: int) -> None:
    flipped = latent_flip(samples=Latent(GRID), flip_method=method).samples
    assert int(flipped[0, 0, 0, 0]) == corner
    assert torch.equal(latent_flip(samples=Latent(flipped), flip_method=method).samples, GRID)


def test_cropping_counts_in_cells_of_eight_pixels() -> None:
    cut = latent_crop(samples=Latent(GRID), width=64, height=72, x=17, y=40).samples
    assert torch.equal(cut, GRID[..., 5:14, 2:10])


def test_a_crop_starts_eight_cells_before_the_far_edge_at_the_latest() -> None:
    cut = latent_crop(samples=Latent(GRID), width=512, height=512, x=16384, y=16384).samples
    assert torch.equal(cut, GRID[..., 12:, 16:])
    small = latent_crop(samples=Latent(GRID[..., :5, :5]), width=512, height=512, x=64, y=64).samples
    assert torch.equal(small, GRID[..., :5, :5])


def test_the_rest_of_a_latent_stays() -> None:
    latent = Latent(GRID, torch.ones(1, 20, 24), (3, 4))
    turned = latent_rotate(samples=latent, rotation="90 degrees")
    assert (turned.noise_mask, turned.batch_index) == (latent.noise_mask, latent.batch_index)
