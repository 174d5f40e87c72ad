from typing import Any

import numpy
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from PIL import Image as Pillow
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import Image
from engine.nodes.image_sizes import (
    image_scale_by,
    image_scale_to_max_dimension,
    image_scale_to_total_pixels,
    resize_and_pad_image,
)

PICTURE = torch.rand(2, 12, 20, 3, generator=torch.Generator().manual_seed(2))


def interpolated(width: int, height: int, method: str) -> Tensor:
    return F.interpolate(PICTURE.movedim(-1, 1), size=(height, width), mode=method).movedim(1, -1)


@pytest.mark.parametrize("method", ["nearest-exact", "bilinear", "area", "bicubic"])
def test_scaling_by_a_factor_is_torchs_interpolation(method: str) -> None:
    scaled = image_scale_by(image=Image(PICTURE), upscale_method=method, scale_by=1.7).pixels
    assert torch.equal(scaled, interpolated(34, 20, method))


def test_lanczos_is_pillows_in_eight_bits() -> None:
    scaled = image_scale_by(image=Image(PICTURE), upscale_method="lanczos", scale_by=0.5).pixels
    picture = Pillow.fromarray((PICTURE[1] * 255).numpy().astype(numpy.uint8))
    expected = numpy.asarray(picture.resize((10, 6), Pillow.Resampling.LANCZOS)).astype(numpy.float32) / 255
    assert torch.equal(scaled[1], torch.from_numpy(expected))


def test_a_factor_that_leaves_no_pixel_is_refused() -> None:
    with pytest.raises(BadInput, match="0 × 0 pixels"):
        image_scale_by(image=Image(PICTURE), upscale_method="area", scale_by=0.01)


@pytest.mark.parametrize(("megapixels", "size"), [(1.0, (1322, 793)), (0.01, (132, 79))])
def test_scaling_to_a_number_of_pixels_keeps_the_aspect(megapixels: float, size: tuple[int, int]) -> None:
    scaled = image_scale_to_total_pixels(
        image=Image(PICTURE), upscale_method="bilinear", megapixels=megapixels
    ).pixels
    assert torch.equal(scaled, interpolated(*size, "bilinear"))


@pytest.mark.parametrize(("turned", "shape"), [(False, (2, 31, 51, 3)), (True, (2, 51, 31, 3))])
def test_the_longer_side_is_set(turned: bool, shape: tuple[int, ...]) -> None:
    picture = PICTURE.transpose(1, 2) if turned else PICTURE
    scaled = image_scale_to_max_dimension(image=Image(picture), upscale_method="area", largest_size=51)
    assert scaled.pixels.shape == shape


def test_a_square_stays_a_square() -> None:
    scaled = image_scale_to_max_dimension(
        image=Image(PICTURE[:, :, :12]), upscale_method="bicubic", largest_size=7
    )
    assert scaled.pixels.shape == (2, 7, 7, 3)


@pytest.mark.parametrize(("colour", "value"), [("white", 1.0), ("black", 0.0)])
def test_what_does_not_fill_the_rectangle_is_padded(colour: Any, value: float) -> None:
    padded = resize_and_pad_image(
        image=Image(PICTURE),
        target_width=10,
        target_height=11,
        padding_color=colour,
        interpolation="bilinear",
    ).pixels
    assert torch.equal(padded[:, 2:8], interpolated(10, 6, "bilinear"))
    assert torch.equal(padded[:, :2], torch.full((2, 2, 10, 3), value))
    assert torch.equal(padded[:, 8:], torch.full((2, 3, 10, 3), value))


def test_a_narrow_rectangle_still_holds_the_picture() -> None:
    padded = resize_and_pad_image(
        image=Image(torch.ones(1, 2, 400, 3)),
        target_width=20,
        target_height=3,
        padding_color="black",
        interpolation="area",
    ).pixels
    assert padded[0, :, :, 0].sum(dim=1).tolist() == [0, 20, 0]
