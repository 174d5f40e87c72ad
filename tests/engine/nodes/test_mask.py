import io
from typing import Any

import numpy
import pytest
import torch
from PIL import Image as Pillow
from scipy import ndimage  # pyright: ignore[reportMissingTypeStubs]

from engine.errors import BadInput
from engine.graph.kinds import Image, Mask
from engine.nodes.mask import (
    crop_mask,
    feather_mask,
    grow_mask,
    image_color_to_mask,
    image_to_mask,
    invert_mask,
    load_image_mask,
    mask_composite,
    mask_preview,
    mask_to_image,
    solid_mask,
    threshold_mask,
)
from tests.engine.nodes.calls import context_of

MASK = torch.rand(2, 6, 8, generator=torch.Generator().manual_seed(1))


def png(mode: str, pixel: Any) -> bytes:
    file = io.BytesIO()
    Pillow.new(mode, (3, 2), pixel).save(file, "PNG")
    return file.getvalue()


def test_a_mask_becomes_a_grey_picture() -> None:
    pixels = mask_to_image(mask=Mask(MASK)).pixels
    assert pixels.shape == (2, 6, 8, 3)
    assert all(torch.equal(pixels[..., channel], MASK) for channel in range(3))


@pytest.mark.parametrize(("channel", "number"), [("red", 0), ("green", 1), ("blue", 2), ("alpha", 3)])
def test_a_channel_becomes_a_mask(channel: Any, number: int) -> None:
    picture = torch.rand(2, 4, 5, 4)
    assert torch.equal(image_to_mask(image=Image(picture), channel=channel).values, picture[..., number])


def test_a_picture_without_alpha_has_no_such_mask() -> None:
    with pytest.raises(BadInput, match="3 channels, so it has no alpha"):
        image_to_mask(image=Image(torch.rand(1, 4, 4, 3)), channel="alpha")


def test_one_colour_becomes_a_mask() -> None:
    picture = torch.tensor([[255, 128, 1], [255, 128, 2], [254, 128, 1]]).view(1, 1, 3, 3) / 255
    # A little off, as pictures are that were calculated with.
    mask = image_color_to_mask(image=Image(picture + 0.4 / 255), color=0xFF8001)
    assert mask.values.tolist() == [[[1, 0, 0]]]


def test_a_solid_mask_has_one_value() -> None:
    mask = solid_mask(value=0.25, width=5, height=3).values
    assert torch.equal(mask, torch.full((1, 3, 5), 0.25))


def test_a_solid_mask_beyond_the_limit_is_refused() -> None:
    with pytest.raises(BadInput, match="16384 × 16384"):
        solid_mask(width=16384, height=16384)


def test_inverting_takes_from_one() -> None:
    assert torch.equal(invert_mask(mask=Mask(MASK)).values, 1 - MASK)


def test_a_crop_ends_at_the_edge() -> None:
    assert torch.equal(crop_mask(mask=Mask(MASK), x=5, y=1, width=9, height=2).values, MASK[:, 1:3, 5:])


def test_a_crop_outside_of_the_mask_is_refused() -> None:
    with pytest.raises(BadInput, match=r"starts at 8, 0, outside of the mask of 8 × 6"):
        crop_mask(mask=Mask(MASK), x=8)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("multiply", [0.0, 0.18, 0.32, 1.0]),
        ("add", [0.2, 0.9, 1.0, 1.0]),
        ("subtract", [0.0, 0.3, 0.4, 0.0]),
        ("and", [0, 0, 0, 1]),
        ("or", [0, 1, 1, 1]),
        ("xor", [0, 1, 1, 0]),
    ],
)
def test_masks_are_joined(operation: Any, expected: list[float]) -> None:
    below, above = torch.tensor([0.0, 0.6, 0.8, 1.0]), torch.tensor([0.2, 0.3, 0.4, 1.0])
    joined = mask_composite(
        destination=Mask(below[None, None]), source=Mask(above[None, None]), operation=operation
    )
    assert joined.values.flatten().tolist() == pytest.approx(expected)


def test_masks_are_joined_where_they_overlap() -> None:
    joined = mask_composite(
        destination=Mask(MASK), source=Mask(torch.zeros(1, 4, 4)), x=6, y=1, operation="multiply"
    ).values
    expected = MASK.clone()
    expected[:, 1:5, 6:] = 0
    assert torch.equal(joined, expected)
    beyond = mask_composite(destination=Mask(MASK), source=Mask(MASK), x=8, operation="subtract").values
    assert torch.equal(beyond, MASK)


def test_each_edge_is_feathered_by_itself() -> None:
    ones = Mask(torch.ones(1, 4, 6))
    assert feather_mask(mask=ones, left=2).values[0, 0].tolist() == [0.5, 1, 1, 1, 1, 1]
    assert feather_mask(mask=ones, right=4).values[0, 0].tolist() == [1, 1, 1, 0.75, 0.5, 0.25]
    assert feather_mask(mask=ones, top=2).values[0, :, 0].tolist() == [0.5, 1, 1, 1]
    assert feather_mask(mask=ones, bottom=99).values[0, :, 0].tolist() == [1, 0.75, 0.5, 0.25]
    assert float(feather_mask(mask=ones, left=4, top=4).values[0, 0, 0]) == 1 / 16


@pytest.mark.parametrize("expand", [1, 3, -1, -2, 0, 16384, -16384])
@pytest.mark.parametrize("tapered", [True, False])
def test_growing_is_grey_morphology(expand: int, tapered: bool) -> None:
    mask = (torch.rand(2, 12, 15, generator=torch.Generator().manual_seed(4)) - 0.5).clamp(0)
    cross = numpy.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]) if tapered else numpy.ones((3, 3))
    morph: Any = ndimage.grey_dilation if expand > 0 else ndimage.grey_erosion
    expected = [entry.numpy() for entry in mask]
    for _ in range(min(abs(expand), 30)):
        expected = [morph(entry, footprint=cross) for entry in expected]
    grown = grow_mask(mask=Mask(mask), expand=expand, tapered_corners=tapered).values
    assert torch.equal(grown, torch.from_numpy(numpy.stack(expected)))


def test_the_threshold_itself_is_below() -> None:
    mask = torch.tensor([[[0.0, 0.5, 0.51, 1.0]]])
    assert threshold_mask(mask=Mask(mask), value=0.5).values.tolist() == [[[0, 0, 1, 1]]]


def test_a_mask_is_shown_as_a_picture_that_is_not_kept() -> None:
    context = context_of()
    mask_preview(mask=Mask(torch.tensor([[[0.0, 1.0]], [[1.0, 0.0]]])), ctx=context)
    assert [(file.purpose, file.kind) for file in context.files] == [("temp", "image")] * 2
    shown = numpy.asarray(Pillow.open(io.BytesIO(context.files[0].content)))
    assert shown.tolist() == [[[0, 0, 0], [255, 255, 255]]]


@pytest.mark.parametrize(("channel", "value"), [("red", 51), ("green", 102), ("blue", 255), ("alpha", 204)])
def test_a_picture_is_loaded_as_a_mask(channel: Any, value: int) -> None:
    context = context_of({"p": png("RGBA", (51, 102, 255, 51))})
    mask = load_image_mask(image="p", channel=channel, ctx=context).values
    torch.testing.assert_close(mask, torch.full((1, 2, 3), value / 255))


def test_an_opaque_picture_masks_nothing() -> None:
    mask = load_image_mask(image="p", channel="alpha", ctx=context_of({"p": png("RGB", (1, 2, 3))}))
    assert torch.equal(mask.values, torch.zeros(1, 2, 3))
