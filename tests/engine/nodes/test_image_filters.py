from typing import Any

import numpy
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from scipy import ndimage  # pyright: ignore[reportMissingTypeStubs]
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import Image
from engine.nodes.image_filters import (
    image_add_noise,
    image_blend,
    image_blur,
    image_invert,
    image_sharpen,
    morphology,
)

BELOW, ABOVE = (torch.rand(2, 12, 16, 3, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))


def test_inverting_takes_from_one() -> None:
    assert torch.equal(image_invert(image=Image(BELOW)).pixels, 1 - BELOW)


def test_noise_follows_the_seed_and_the_strength() -> None:
    grey = Image(torch.full((1, 64, 64, 3), 0.5))
    noisy = image_add_noise(image=grey, seed=7, strength=0.05).pixels
    assert torch.equal(noisy, image_add_noise(image=grey, seed=7, strength=0.05).pixels)
    assert not torch.equal(noisy, image_add_noise(image=grey, seed=8, strength=0.05).pixels)
    # 12288 draws: four deviations of the sample's deviation.
    assert float(noisy.std()) == pytest.approx(0.05, abs=4 * 0.05 / (2 * 12288) ** 0.5)
    assert float(image_add_noise(image=grey, seed=7, strength=1.0).pixels.max()) == 1


def blended(mode: str, factor: float, below: Tensor = BELOW, above: Tensor = ABOVE) -> Tensor:
    return image_blend(image1=Image(below), image2=Image(above), blend_factor=factor, blend_mode=mode).pixels


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("normal", ABOVE),
        ("multiply", BELOW * ABOVE),
        ("screen", BELOW + ABOVE - BELOW * ABOVE),
        ("difference", (BELOW - ABOVE).clamp(min=0)),
    ],
)
def test_a_whole_blend_is_the_mode(mode: str, expected: Tensor) -> None:
    torch.testing.assert_close(blended(mode, 1.0), expected)


# W3C Compositing and Blending Level 1, 10.1.3 and 10.1.11.
@pytest.mark.parametrize(
    ("mode", "below", "above", "expected"),
    [
        ("overlay", 0.25, 0.5, 0.25),
        ("overlay", 0.75, 0.2, 0.6),
        ("soft_light", 0.4, 0.5, 0.4),
        ("soft_light", 0.4, 0.0, 0.16),
        ("soft_light", 0.64, 1.0, 0.8),
        ("soft_light", 0.1, 1.0, 0.296),
    ],
)
def test_contrast_modes_follow_their_definition(
    mode: str, below: float, above: float, expected: float
) -> None:
    result = blended(mode, 1.0, torch.full((1, 1, 1, 3), below), torch.full((1, 1, 1, 3), above))
    assert float(result[0, 0, 0, 0]) == pytest.approx(expected, abs=1e-6)


def test_a_part_of_a_blend_leaves_the_rest() -> None:
    torch.testing.assert_close(blended("multiply", 0.25), BELOW * 0.75 + BELOW * ABOVE * 0.25)


def test_the_second_picture_is_fitted_repeated_and_given_alpha() -> None:
    large = torch.rand(1, 24, 32, 3)
    with_alpha = torch.cat([BELOW, torch.zeros(2, 12, 16, 1)], dim=-1)
    result = blended("normal", 1.0, with_alpha, large)
    fitted = F.interpolate(large.movedim(-1, 1), size=(12, 16), mode="bicubic").movedim(1, -1).clamp(0, 1)
    torch.testing.assert_close(result[..., :3], fitted.expand(2, -1, -1, -1))
    assert torch.equal(result[..., 3], torch.ones(2, 12, 16))


def gaussian(radius: int, sigma: float) -> Any:
    axis = numpy.linspace(-1, 1, 2 * radius + 1)
    kernel = numpy.exp(-(axis[:, None] ** 2 + axis**2) / (2 * sigma**2))
    return kernel / kernel.sum()


def correlated(pixels: Tensor, kernel: Any) -> Tensor:
    """scipy's correlation over rows and columns, mirrored at the edges."""
    library: Any = ndimage
    result = library.correlate(pixels.double().numpy(), kernel[None, :, :, None], mode="mirror")
    return torch.from_numpy(result).float()


@pytest.mark.parametrize(("radius", "sigma"), [(1, 1.0), (4, 0.3), (11, 10.0)])
def test_blurring_is_a_gaussian_in_units_of_the_radius(radius: int, sigma: float) -> None:
    blurred = image_blur(image=Image(BELOW), blur_radius=radius, sigma=sigma).pixels
    torch.testing.assert_close(blurred, correlated(BELOW, gaussian(radius, sigma)))


def test_sharpening_subtracts_ten_times_alpha_of_the_blur() -> None:
    sharpened = image_sharpen(image=Image(BELOW), sharpen_radius=2, sigma=0.5, alpha=0.3).pixels
    blur = correlated(BELOW, gaussian(2, 0.5))
    torch.testing.assert_close(sharpened, (BELOW + 3 * (BELOW - blur)).clamp(0, 1), rtol=1e-4, atol=1e-5)


def test_a_radius_beyond_the_picture_is_refused() -> None:
    with pytest.raises(BadInput, match="a radius of 12 needs more than 12 elements a side, here are 16 × 12"):
        image_blur(image=Image(BELOW), blur_radius=12)


@pytest.mark.parametrize("size", [3, 4, 999])
@pytest.mark.parametrize(
    "operation", ["erode", "dilate", "open", "close", "gradient", "bottom_hat", "top_hat"]
)
def test_morphology_is_scipys(operation: Any, size: int) -> None:
    library: Any = ndimage
    window = (1, min(size, 40), min(size, 40), 1)

    def erode(x: Any) -> Any:
        return library.minimum_filter(x, size=window, mode="constant", cval=9)

    def dilate(x: Any) -> Any:
        return library.maximum_filter(x, size=window, mode="constant", cval=-9)

    picture = BELOW.numpy()
    expected = {
        "erode": lambda: erode(picture),
        "dilate": lambda: dilate(picture),
        "open": lambda: dilate(erode(picture)),
        "close": lambda: erode(dilate(picture)),
        "gradient": lambda: dilate(picture) - erode(picture),
        "bottom_hat": lambda: erode(dilate(picture)) - picture,
        "top_hat": lambda: picture - dilate(erode(picture)),
    }[operation]()
    result = morphology(image=Image(BELOW), operation=operation, kernel_size=size).pixels
    assert torch.equal(result, torch.from_numpy(expected))
