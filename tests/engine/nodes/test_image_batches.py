import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention

from engine.errors import BadInput
from engine.graph.kinds import Image
from engine.nodes.image_batches import (
    empty_image,
    get_image_size,
    image_batch,
    image_from_batch,
    rebatch_images,
    repeat_image_batch,
)

FIVE = torch.arange(5.0)[:, None, None, None].expand(5, 4, 6, 3) / 5


def test_an_empty_picture_has_the_colour() -> None:
    pixels = empty_image(width=3, height=2, batch_size=2, color=0xFF8001).pixels
    assert torch.equal(pixels, (torch.tensor([255, 128, 1]) / 255).expand(2, 2, 3, 3))


def test_an_empty_picture_beyond_the_limit_is_refused() -> None:
    with pytest.raises(BadInput, match="16384 × 16384"):
        empty_image(width=16384, height=16384)


def test_batches_are_joined_and_the_second_fitted_to_the_first() -> None:
    second = torch.rand(1, 8, 20, 3)
    joined = image_batch(image1=Image(FIVE), image2=Image(second)).pixels
    fitted = F.interpolate(second[:, :, 4:16].movedim(-1, 1), size=(4, 6), mode="bilinear").movedim(1, -1)
    assert torch.equal(joined, torch.cat([FIVE, fitted]))


def test_alpha_that_one_batch_lacks_is_opaque() -> None:
    with_alpha = torch.rand(1, 4, 6, 4)
    opaque = torch.cat([FIVE, torch.ones(5, 4, 6, 1)], dim=-1)
    first = image_batch(image1=Image(FIVE), image2=Image(with_alpha)).pixels
    assert torch.equal(first, torch.cat([opaque, with_alpha]))
    second = image_batch(image1=Image(with_alpha), image2=Image(FIVE)).pixels
    assert torch.equal(second, torch.cat([with_alpha, opaque]))


def test_a_batch_is_repeated() -> None:
    assert torch.equal(repeat_image_batch(image=Image(FIVE), amount=2).pixels, torch.cat([FIVE, FIVE]))


def test_a_batch_beyond_the_limit_is_refused() -> None:
    huge = Image(torch.zeros(1, 1, 1, 1).expand(1, 1000, 1000, 3))
    with pytest.raises(BadInput, match="4096 pictures"):
        repeat_image_batch(image=huge, amount=4096)


@pytest.mark.parametrize(
    ("first", "length", "expected"), [(0, 1, [0]), (1, 3, [1, 2, 3]), (3, 99, [3, 4]), (4095, 1, [4])]
)
def test_a_part_of_a_batch_is_taken(first: int, length: int, expected: list[int]) -> None:
    part = image_from_batch(image=Image(FIVE), batch_index=first, length=length).pixels
    assert torch.equal(part, FIVE[expected])


def test_the_size_is_width_height_and_number() -> None:
    assert get_image_size(image=Image(FIVE)) == (6, 4, 5)


def test_rebatching_cuts_a_list_of_batches_anew() -> None:
    pictures = torch.rand(7, 4, 5, 3)
    batches = rebatch_images(images=[Image(pictures[:2]), Image(pictures[2:])], batch_size=[3])
    assert [len(batch.pixels) for batch in batches] == [3, 3, 1]
    assert torch.equal(torch.cat([batch.pixels for batch in batches]), pictures)


def test_pictures_of_two_sizes_are_no_batch() -> None:
    images = [Image(torch.rand(1, 4, 5, 3)), Image(torch.rand(1, 4, 6, 3))]
    assert len(rebatch_images(images=images)) == 2
    with pytest.raises(BadInput, match="pictures of different sizes"):
        rebatch_images(images=images, batch_size=[2])
