from typing import Any

import pytest
import torch
from scipy import ndimage  # pyright: ignore[reportMissingTypeStubs]

from engine.nodes.window import maximum, minimum

PICTURE = torch.randn(9, 12, generator=torch.Generator().manual_seed(5))


# scipy's windows lie as ours do: of an even size, one more lies before the element.
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 30])
def test_extremes_are_scipys(size: int) -> None:
    library: Any = ndimage
    largest = library.maximum_filter(PICTURE.numpy(), size=size, mode="constant", cval=-1e9)
    smallest = library.minimum_filter(PICTURE.numpy(), size=size, mode="constant", cval=1e9)
    assert torch.equal(maximum(PICTURE, size), torch.from_numpy(largest))
    assert torch.equal(minimum(PICTURE, size), torch.from_numpy(smallest))


def test_one_axis_can_be_left_alone() -> None:
    assert torch.equal(maximum(PICTURE, 99, axes=(-1,)), PICTURE.amax(dim=-1, keepdim=True).expand(-1, 12))
