from itertools import product
from typing import Any

import numpy
import pytest
import torch
from PIL import Image as Pillow
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import Image
from engine.nodes.image_transform import (
    image_crop,
    image_flip,
    image_pad_for_outpaint,
    image_rotate,
    image_stitch,
)

PICTURE = torch.rand(2, 12, 20, 3, generator=torch.Generator().manual_seed(2))
TURNS = [("none", None), ("90 degrees", 4), ("180 degrees", 3), ("270 degrees", 2)]


def bytes_of(picture: Tensor) -> Pillow.Image:
    return Pillow.fromarray((picture * 255).round().byte().numpy())


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [(3, 2, PICTURE[:, 2:6, 3:8]), (17, 10, PICTURE[:, 10:, 17:]), (99, 99, PICTURE[:, 11:, 19:])],
)
def test_a_crop_ends_at_the_edge(x: int, y: int, expected: Tensor) -> None:
    assert torch.equal(image_crop(image=Image(PICTURE), width=5, height=4, x=x, y=y).pixels, expected)


@pytest.mark.parametrize(("rotation", "operation"), TURNS)
def test_turning_is_pillows_clockwise(rotation: Any, operation: int | None) -> None:
    turned = image_rotate(image=Image(PICTURE), rotation=rotation).pixels[1]
    picture = bytes_of(PICTURE[1])
    expected = picture if operation is None else picture.transpose(Pillow.Transpose(operation))
    assert numpy.array_equal(numpy.asarray(bytes_of(turned)), numpy.asarray(expected))


@pytest.mark.parametrize(
    ("method", "operation"),
    [
        ("x-axis: vertically", Pillow.Transpose.FLIP_TOP_BOTTOM),
        ("y-axis: horizontally", Pillow.Transpose.FLIP_LEFT_RIGHT),
    ],
)
def test_flipping_is_pillows(method: Any, operation: Pillow.Transpose) -> None:
    flipped = image_flip(image=Image(PICTURE), flip_method=method).pixels[0]
    expected = bytes_of(PICTURE[0]).transpose(operation)
    assert numpy.array_equal(numpy.asarray(bytes_of(flipped)), numpy.asarray(expected))


def test_a_picture_is_padded_with_grey() -> None:
    image, _ = image_pad_for_outpaint(image=Image(PICTURE), left=8, top=16, right=24, bottom=0)
    assert image.pixels.shape == (2, 28, 52, 3)
    assert torch.equal(image.pixels[:, 16:, 8:28], PICTURE)
    assert set(image.pixels[:, :16].unique().tolist()) == {0.5}
    assert set(image.pixels[:, :, 28:].unique().tolist()) == {0.5}


@pytest.mark.parametrize("borders", list(product((0, 8), repeat=4)))
def test_the_mask_fades_into_the_picture_with_the_square_of_the_distance(
    borders: tuple[int, int, int, int],
) -> None:
    left, top, right, bottom = borders
    _, mask = image_pad_for_outpaint(
        image=Image(PICTURE), left=left, top=top, right=right, bottom=bottom, feathering=4
    )
    expected = torch.ones(12 + top + bottom, 20 + left + right)
    for row, column in product(range(12), range(20)):
        distances = [99] + [
            distance
            for distance, border in ((column, left), (row, top), (20 - column, right), (12 - row, bottom))
            if border
        ]
        expected[top + row, left + column] = max(0.0, (4 - min(distances)) / 4) ** 2
    torch.testing.assert_close(mask.values, expected[None])


@pytest.mark.parametrize("feathering", [0, 6, 40])
def test_a_fade_that_would_leave_no_middle_is_left_out(feathering: int) -> None:
    _, mask = image_pad_for_outpaint(image=Image(PICTURE), left=8, feathering=feathering)
    assert mask.values[0, :, :8].all()
    assert not mask.values[0, :, 8:].any()


def test_padding_beyond_the_limit_is_refused() -> None:
    with pytest.raises(BadInput, match="16404 × 16396"):
        image_pad_for_outpaint(image=Image(PICTURE), left=16384, top=16384)


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("right", torch.cat([PICTURE, 1 - PICTURE], dim=2)),
        ("left", torch.cat([1 - PICTURE, PICTURE], dim=2)),
        ("down", torch.cat([PICTURE, 1 - PICTURE], dim=1)),
        ("up", torch.cat([1 - PICTURE, PICTURE], dim=1)),
    ],
)
def test_pictures_of_one_size_lie_beside_each_other(direction: Any, expected: Tensor) -> None:
    stitched = image_stitch(
        image1=Image(PICTURE), image2=Image(1 - PICTURE), direction=direction, match_image_size=False
    )
    assert torch.equal(stitched.pixels, expected)


def test_the_second_picture_is_scaled_to_the_common_side() -> None:
    second = torch.rand(1, 30, 25, 3)
    stitched = image_stitch(image1=Image(PICTURE[:1]), image2=Image(second)).pixels
    scaled = Pillow.fromarray((second[0] * 255).numpy().astype(numpy.uint8)).resize(
        (10, 12), Pillow.Resampling.LANCZOS
    )
    expected = torch.from_numpy(numpy.asarray(scaled).astype(numpy.float32) / 255)
    assert torch.equal(stitched[0, :, 20:], expected)
    below = image_stitch(image1=Image(PICTURE[:1]), image2=Image(second), direction="down").pixels
    assert below.shape == (1, 12 + 24, 20, 3)


def test_the_smaller_picture_is_centred_on_the_spacings_colour() -> None:
    small = torch.zeros(2, 5, 4, 3)
    stitched = image_stitch(
        image1=Image(PICTURE),
        image2=Image(small),
        match_image_size=False,
        spacing_width=3,
        spacing_color="red",
    ).pixels
    assert stitched.shape == (2, 12, 20 + 4 + 4, 3)
    red = torch.tensor([1.0, 0.0, 0.0])
    assert torch.equal(stitched[:, :, 20:24], red.expand(2, 12, 4, 3))
    assert torch.equal(stitched[:, 3:8, 24:], small)
    assert torch.equal(stitched[:, :3, 24:], red.expand(2, 3, 4, 3))
    assert torch.equal(stitched[:, 8:, 24:], red.expand(2, 4, 4, 3))


def test_the_last_picture_of_the_shorter_batch_is_repeated() -> None:
    three = torch.rand(3, 12, 20, 4)
    stitched = image_stitch(image1=Image(PICTURE), image2=Image(three), match_image_size=False).pixels
    assert torch.equal(stitched[:, :, 20:], three)
    assert torch.equal(stitched[2, :, :20, :3], PICTURE[1])
    assert stitched[:, :, :20, 3].min() == 1


def test_a_picture_alone_stays_as_it_is() -> None:
    image = Image(PICTURE)
    assert image_stitch(image1=image) is image
