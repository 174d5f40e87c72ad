"""Nodes that make pictures of one colour, put batches together and take them apart."""

from collections.abc import Sequence
from typing import Annotated

import torch

from engine.errors import BadInput
from engine.graph.kinds import Count, Image, IntWidget, Tip
from engine.graph.spec import node
from engine.nodes.image_color import Color, unpack
from engine.nodes.mask_compositing import with_channels
from engine.nodes.resize import check_size, fit, repeat_to
from engine.nodes.sides import Side

RebatchCount = Annotated[int, IntWidget(1, 4096)]
FirstPicture = Annotated[int, IntWidget(0, 4095), Tip("Counts from 0; beyond the end it is the last.")]


@node("EmptyImage", category="image", title="EmptyImage")
def empty_image(*, width: Side = 512, height: Side = 512, batch_size: Count = 1, color: Color = 0) -> Image:
    """Pictures of one colour."""
    check_size(width, height, batch_size)
    return Image(unpack(color).expand(batch_size, height, width, 3).clone())


@node("ImageBatch", category="image", title="Batch Images")
def image_batch(*, image1: Image, image2: Image) -> Image:
    """Both batches as one, the second brought to the size of the first; alpha that one lacks is 1."""
    channels = max(image1.pixels.shape[-1], image2.pixels.shape[-1])
    first, second = (with_channels(image.pixels, channels).movedim(-1, 1) for image in (image1, image2))
    return Image(torch.cat([first, fit(second, first, "bilinear")]).movedim(1, -1))


@node("RepeatImageBatch", category="image/batch", title="RepeatImageBatch")
def repeat_image_batch(*, image: Image, amount: Count = 1) -> Image:
    """The whole batch several times."""
    count, height, width = image.pixels.shape[:3]
    check_size(width, height, count * amount)
    return Image(repeat_to(image.pixels, count * amount))


@node("ImageFromBatch", category="image/batch", title="ImageFromBatch")
def image_from_batch(*, image: Image, batch_index: FirstPicture = 0, length: Count = 1) -> Image:
    """A few pictures of a batch."""
    first = min(batch_index, len(image.pixels) - 1)
    return Image(image.pixels[first : first + length])


@node(
    "GetImageSize",
    category="image",
    title="Get Image Size",
    output_names=("width", "height", "batch_size"),
)
def get_image_size(*, image: Image) -> tuple[int, int, int]:
    """How wide and high pictures are, and how many."""
    count, height, width = image.pixels.shape[:3]
    return width, height, count


@node("RebatchImages", category="image/batch", title="Rebatch Images")
def rebatch_images(*, images: Sequence[Image], batch_size: Sequence[RebatchCount] = (1,)) -> list[Image]:
    """Cuts a list of pictures into batches of a size; pictures of one batch must be of one size."""
    pictures = [picture for image in images for picture in image.pixels.split(1)]
    batches = [pictures[start : start + batch_size[0]] for start in range(0, len(pictures), batch_size[0])]
    for batch in batches:
        if len(sizes := {tuple(picture.shape[1:]) for picture in batch}) > 1:
            raise BadInput(f"pictures of different sizes cannot be one batch: {sorted(sizes)}")
    return [Image(torch.cat(batch)) for batch in batches]
