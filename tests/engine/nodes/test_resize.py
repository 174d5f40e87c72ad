import math

import pytest
import torch

from engine.nodes.resize import LATENT_METHODS, bislerp, crop_to_aspect, resize, slerp


def test_cropping_takes_the_middle_of_the_wider_side() -> None:
    columns = torch.arange(12.0).expand(1, 1, 4, 12)
    assert crop_to_aspect(columns, 8, 8)[0, 0, 0].tolist() == [4, 5, 6, 7]


def test_cropping_takes_the_middle_of_the_higher_side() -> None:
    rows = torch.arange(12.0)[:, None].expand(1, 1, 12, 4)
    assert crop_to_aspect(rows, 2, 1)[0, 0, :, 0].tolist() == [5, 6]


@pytest.mark.parametrize("method", LATENT_METHODS)
def test_the_same_size_is_the_same_latent(method: str) -> None:
    samples = torch.randn(2, 4, 5, 7)
    torch.testing.assert_close(resize(samples, 7, 5, method), samples)


def test_halfway_between_two_directions_is_the_middle_of_the_arc() -> None:
    a, b = torch.tensor([2.0, 0.0]).reshape(1, 2, 1, 1), torch.tensor([0.0, 4.0]).reshape(1, 2, 1, 1)
    middle = slerp(a, b, torch.tensor(0.5)).flatten()
    assert middle.tolist() == pytest.approx([3 * math.sqrt(0.5)] * 2)


def test_opposite_directions_are_blended_straight() -> None:
    a, b = torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1), torch.tensor([-1.0, 0.0]).reshape(1, 2, 1, 1)
    assert slerp(a, b, torch.tensor(0.25)).flatten().tolist() == pytest.approx([0.5, 0.0])


def test_zero_vectors_stay_zero() -> None:
    zero = torch.zeros(1, 4, 1, 1)
    assert slerp(zero, zero, torch.tensor(0.5)).count_nonzero() == 0


def test_bislerp_keeps_the_length_of_directions_of_equal_length() -> None:
    samples = torch.nn.functional.normalize(
        torch.randn(1, 4, 6, 6, generator=torch.Generator().manual_seed(1)), dim=1
    )
    lengths = bislerp(samples, 15, 13).norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths), rtol=1e-4, atol=0)
