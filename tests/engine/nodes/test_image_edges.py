import math
from typing import Any

import numpy
import pytest
import torch
from scipy import ndimage  # pyright: ignore[reportMissingTypeStubs]
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import Image
from engine.nodes.image_edges import canny


def edges(picture: Tensor, low: float = 0.4, high: float = 0.8) -> Tensor:
    pixels = canny(image=Image(picture), low_threshold=low, high_threshold=high).pixels
    assert pixels.shape == (*picture.shape[:3], 3)
    assert torch.equal(pixels[..., 0], pixels[..., 2])
    return pixels[..., 0]


def by_loops(picture: Tensor, low: float, high: float) -> Tensor:
    """Canny's steps one pixel after the other, with scipy's filters and labels."""
    library: Any = ndimage
    grey = (picture[..., :3] @ torch.tensor([0.299, 0.587, 0.114])).double().numpy()
    curve = numpy.exp(-(numpy.arange(-2, 3) ** 2) / 2)
    kernel = numpy.outer(curve, curve) / curve.sum() ** 2
    smooth = library.correlate(grey, kernel, mode="mirror")
    across, down = (library.sobel(smooth, axis=axis, mode="nearest") for axis in (1, 0))
    length = numpy.sqrt(across**2 + down**2 + 1e-6)
    framed = numpy.pad(length, 1)
    thin = numpy.zeros_like(length)
    for row, column in numpy.ndindex(*length.shape):
        turn = round(math.atan2(down[row, column], across[row, column]) / (math.pi / 4)) * math.pi / 4
        step_down, step_across = round(math.sin(turn)), round(math.cos(turn))
        ahead = framed[row + 1 + step_down, column + 1 + step_across]
        behind = framed[row + 1 - step_down, column + 1 - step_across]
        if length[row, column] > max(ahead, behind):
            thin[row, column] = length[row, column]
    labels, _ = library.label(thin > low, structure=numpy.ones((3, 3)))
    kept = set(labels[thin > high].tolist()) - {0}
    return torch.from_numpy(numpy.isin(labels, list(kept))).float()


@pytest.mark.parametrize(("low", "high"), [(0.4, 0.8), (0.05, 0.6), (0.3, 0.3)])
def test_edges_are_those_of_cannys_steps(low: float, high: float) -> None:
    library: Any = ndimage
    rough = numpy.random.default_rng(3).random((48, 40, 3))
    picture = torch.from_numpy(library.gaussian_filter(rough, (2, 2, 0)) * 6 - 2.5).clamp(0, 1).float()
    expected = by_loops(picture, low, high)
    assert 20 < expected.sum() < 900
    assert torch.equal(edges(picture[None], low, high)[0], expected)


def test_a_faint_edge_counts_where_it_is_joined_to_a_strong_one() -> None:
    # A step that fades from top to bottom, without a corner that would break the line.
    picture = torch.zeros(1, 40, 32, 3)
    picture[:, :, 16:] = torch.linspace(1.0, 0.12, 40)[None, :, None, None]
    # Halfway, so that the slope has one steepest column.
    picture[:, :, 16] /= 2
    assert edges(picture, 0.3, 0.9)[0, 4:36, 16].all()
    # Its lower part is faint everywhere.
    alone = picture[:, [31] * 31 + list(range(31, 40))]
    assert not edges(alone, 0.3, 0.9).any()
    assert edges(alone, 0.3, 0.6)[0, 4:36, 16].all()


def test_each_picture_of_a_batch_is_looked_at_by_itself() -> None:
    pictures = torch.rand(2, 16, 16, 3)
    both = edges(pictures)
    assert torch.equal(both, torch.cat([edges(pictures[:1]), edges(pictures[1:])]))


def test_thresholds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(BadInput, match=r"low threshold 0\.8 is above the high threshold 0\.4"):
        edges(torch.rand(1, 8, 8, 3), 0.8, 0.4)


def test_a_picture_of_two_pixels_is_refused() -> None:
    with pytest.raises(BadInput, match="2 × 8 pixels is too small"):
        edges(torch.rand(1, 8, 2, 3))
