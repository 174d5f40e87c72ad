import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import Image, Mask
from engine.nodes.mask_compositing import (
    MODES,
    image_composite_masked,
    join_image_with_alpha,
    porter_duff_image_composite,
    split_image_with_alpha,
)

SOURCE, DESTINATION = (
    torch.rand(2, 6, 8, 3, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)
)
OPAQUE, CLEAR = torch.zeros(2, 6, 8), torch.ones(2, 6, 8)


def composite(mode: str, source_mask: Tensor, destination_mask: Tensor) -> tuple[Tensor, Tensor]:
    image, mask = porter_duff_image_composite(
        source=Image(SOURCE),
        source_alpha=Mask(source_mask),
        destination=Image(DESTINATION),
        destination_alpha=Mask(destination_mask),
        mode=mode,
    )
    return image.pixels, mask.values


# Where both are opaque every rule is a function of the two colours alone.
@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("ADD", (SOURCE + DESTINATION).clamp(max=1)),
        ("DARKEN", SOURCE.minimum(DESTINATION)),
        ("DST", DESTINATION),
        ("DST_ATOP", DESTINATION),
        ("DST_IN", DESTINATION),
        ("DST_OVER", DESTINATION),
        ("LIGHTEN", SOURCE.maximum(DESTINATION)),
        ("MULTIPLY", SOURCE * DESTINATION),
        (
            "OVERLAY",
            torch.where(
                DESTINATION < 0.5, 2 * SOURCE * DESTINATION, 1 - 2 * (1 - SOURCE) * (1 - DESTINATION)
            ),
        ),
        ("SCREEN", 1 - (1 - SOURCE) * (1 - DESTINATION)),
        ("SRC", SOURCE),
        ("SRC_ATOP", SOURCE),
        ("SRC_IN", SOURCE),
        ("SRC_OVER", SOURCE),
    ],
)
def test_of_opaque_pictures_the_rule_is_the_blend_mode(mode: str, expected: Tensor) -> None:
    pixels, mask = composite(mode, OPAQUE, OPAQUE)
    torch.testing.assert_close(pixels, expected)
    assert not mask.any()


@pytest.mark.parametrize("mode", ["CLEAR", "DST_OUT", "SRC_OUT", "XOR"])
def test_opaque_pictures_leave_nothing_of_each_other(mode: str) -> None:
    pixels, mask = composite(mode, OPAQUE, OPAQUE)
    assert not pixels.any()
    assert torch.equal(mask, CLEAR)


# Porter and Duff 1984, table 1: which of source alone, destination alone, both is covered.
@pytest.mark.parametrize(
    ("mode", "source_alone", "destination_alone", "both"),
    [
        ("CLEAR", 0, 0, 0),
        ("SRC", 1, 0, 1),
        ("DST", 0, 1, 1),
        ("SRC_OVER", 1, 1, 1),
        ("DST_OVER", 1, 1, 1),
        ("SRC_IN", 0, 0, 1),
        ("DST_IN", 0, 0, 1),
        ("SRC_OUT", 1, 0, 0),
        ("DST_OUT", 0, 1, 0),
        ("SRC_ATOP", 0, 1, 1),
        ("DST_ATOP", 1, 0, 1),
        ("XOR", 1, 1, 0),
    ],
)
def test_coverage_is_the_sum_of_the_covered_regions(
    mode: str, source_alone: int, destination_alone: int, both: int
) -> None:
    sa, da = torch.rand(2, 6, 8), torch.rand(2, 6, 8)
    _, mask = composite(mode, 1 - sa, 1 - da)
    expected = source_alone * sa * (1 - da) + destination_alone * da * (1 - sa) + both * sa * da
    torch.testing.assert_close(1 - mask, expected, rtol=1e-5, atol=1e-6)


def test_colours_are_not_darkened_by_their_alpha() -> None:
    pixels, mask = composite("SRC", torch.full((2, 6, 8), 0.75), OPAQUE)
    torch.testing.assert_close(pixels, SOURCE)
    assert torch.equal(mask, torch.full((2, 6, 8), 0.75))


@pytest.mark.parametrize("mode", MODES)
def test_every_rule_gives_colours_and_masks_between_0_and_1(mode: str) -> None:
    pixels, mask = composite(mode, torch.rand(2, 6, 8), torch.rand(2, 6, 8))
    for values in (pixels, mask):
        assert float(values.min()) > -1e-6
        assert float(values.max()) < 1 + 1e-6


def test_all_are_brought_to_the_destinations_size_and_the_smallest_batch() -> None:
    large = torch.rand(1, 12, 20, 3)
    image, mask = porter_duff_image_composite(
        source=Image(large),
        source_alpha=Mask(torch.zeros(2, 3, 4)),
        destination=Image(DESTINATION),
        destination_alpha=Mask(OPAQUE),
        mode="SRC",
    )
    scaled = F.interpolate(large[:, :, 2:18].movedim(-1, 1), size=(6, 8), mode="bicubic").movedim(1, -1)
    torch.testing.assert_close(image.pixels, scaled.clamp(0, 1))
    assert mask.values.shape == (1, 6, 8)


def test_pictures_of_different_channels_are_not_composited() -> None:
    with pytest.raises(BadInput, match="source has 4 channels, the destination 3"):
        porter_duff_image_composite(
            source=Image(torch.rand(1, 6, 8, 4)),
            source_alpha=Mask(OPAQUE),
            destination=Image(DESTINATION),
            destination_alpha=Mask(OPAQUE),
        )


def test_alpha_is_split_off_as_a_mask() -> None:
    picture = torch.rand(2, 6, 8, 4)
    image, mask = split_image_with_alpha(image=Image(picture))
    assert torch.equal(image.pixels, picture[..., :3])
    assert torch.equal(mask.values, 1 - picture[..., 3])
    assert not split_image_with_alpha(image=Image(SOURCE))[1].values.any()


def test_split_and_joined_it_is_the_same_picture() -> None:
    picture = torch.rand(2, 6, 8, 4)
    image, mask = split_image_with_alpha(image=Image(picture))
    torch.testing.assert_close(join_image_with_alpha(image=image, alpha=mask).pixels, picture)


def test_a_mask_is_scaled_and_pictures_are_repeated_when_joined() -> None:
    mask = torch.rand(2, 12, 16)
    joined = join_image_with_alpha(image=Image(SOURCE[:1]), alpha=Mask(mask)).pixels
    assert torch.equal(joined[..., :3], SOURCE[:1].expand(2, -1, -1, -1))
    scaled = F.interpolate(mask[:, None], size=(6, 8), mode="bilinear")[:, 0]
    torch.testing.assert_close(joined[..., 3], 1 - scaled)


def test_a_picture_lies_on_another_pixel_by_pixel() -> None:
    result = image_composite_masked(destination=Image(DESTINATION), source=Image(SOURCE[:1]), x=5, y=2)
    expected = DESTINATION.clone()
    expected[:, 2:, 5:] = SOURCE[:1, :4, :3]
    assert torch.equal(result.pixels, expected)


def test_a_mask_of_any_size_blends_the_pictures() -> None:
    mask = torch.rand(1, 3, 4)
    result = image_composite_masked(
        destination=Image(DESTINATION), source=Image(SOURCE), mask=Mask(mask), resize_source=True
    ).pixels
    share = F.interpolate(mask[:, None], size=(6, 8), mode="bilinear").movedim(1, -1)
    torch.testing.assert_close(result, SOURCE * share + DESTINATION * (1 - share))


def test_the_result_has_the_destinations_channels() -> None:
    with_alpha = torch.rand(2, 6, 8, 4)
    opaque = image_composite_masked(destination=Image(with_alpha), source=Image(SOURCE)).pixels
    assert torch.equal(opaque, torch.cat([SOURCE, torch.ones(2, 6, 8, 1)], dim=-1))
    plain = image_composite_masked(destination=Image(SOURCE), source=Image(with_alpha)).pixels
    assert torch.equal(plain, with_alpha[..., :3])
