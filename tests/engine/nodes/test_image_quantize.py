from typing import Any

import numpy
import pytest
import torch
from PIL import Image as Pillow

from engine.graph.kinds import Image
from engine.nodes.image_quantize import bayer, image_quantize

RAMP = torch.linspace(0, 1, 64)[None, None, :, None].expand(2, 48, 64, 3) * torch.tensor([1.0, 0.5, 0.8])


@pytest.mark.parametrize("dither", ["none", "floyd-steinberg"])
def test_a_picture_is_brought_to_pillows_palette(dither: Any) -> None:
    quantized = image_quantize(image=Image(RAMP), colors=5, dither=dither).pixels
    picture = Pillow.fromarray((RAMP[0] * 255).byte().numpy())
    method = Pillow.Dither.NONE if dither == "none" else Pillow.Dither.FLOYDSTEINBERG
    expected = picture.quantize(5, palette=picture.quantize(5), dither=method).convert("RGB")
    assert torch.equal((quantized[0] * 255).round().byte(), torch.from_numpy(numpy.array(expected)))


@pytest.mark.parametrize("dither", ["none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"])
@pytest.mark.parametrize("colors", [1, 7, 256])
def test_there_are_at_most_so_many_colours(dither: Any, colors: int) -> None:
    quantized = image_quantize(image=Image(RAMP), colors=colors, dither=dither).pixels
    assert len(quantized[0].reshape(-1, 3).unique(dim=0)) <= colors


@pytest.mark.parametrize("dither", ["floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"])
def test_dithering_keeps_the_brightness_of_regions(dither: Any) -> None:
    grey = torch.cat([torch.full((1, 64, 32, 3), value) for value in (0.0, 0.4, 1.0)], dim=2)
    plain = image_quantize(image=Image(grey), colors=2, dither="none").pixels[0, 16:48, 40:56].mean()
    dithered = image_quantize(image=Image(grey), colors=2, dither=dither).pixels[0, 16:48, 40:56].mean()
    assert abs(float(dithered) - 0.4) < abs(float(plain) - 0.4)


@pytest.mark.parametrize("order", [2, 4, 8, 16])
def test_bayers_matrix_has_every_level_once_and_no_bias(order: int) -> None:
    levels = bayer(order) * order**2 + (order**2 - 1) / 2
    assert sorted(levels.flatten().tolist()) == list(range(order**2))


def test_bayers_matrix_of_four_is_the_published_one() -> None:
    levels = bayer(4) * 16 + 7.5
    assert levels.tolist() == [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]


def test_alpha_is_left_out() -> None:
    with_alpha = torch.cat([RAMP, torch.zeros(2, 48, 64, 1)], dim=-1)
    assert image_quantize(image=Image(with_alpha), colors=4, dither="none").pixels.shape == RAMP.shape
