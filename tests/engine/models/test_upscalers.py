"""ESRGAN's networks against formulas written from the papers with torch's functions alone."""

import math
import re

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.errors import UnsupportedCheckpoint
from engine.models import rrdb, srvgg
from engine.models.detect import detect_denoiser
from engine.models.identify import identify
from engine.models.rrdb import RrdbConfig
from engine.models.srvgg import SrvggConfig
from engine.weights.layout import shapes_of
from tests.engine.oracles.diffusers_sd import relative_error
from tests.engine.oracles.upscalers import draw, first_names, second_names

FOURFOLD = RrdbConfig(channels=3, width=10, growth=6, blocks=2, doublings=2)
FOLDED = RrdbConfig(channels=3, width=10, growth=6, blocks=2, doublings=2, fold=2)
UNFOLDED = RrdbConfig(channels=3, width=10, growth=6, blocks=1, doublings=2, fold=4)
TWOFOLD = RrdbConfig(channels=3, width=10, growth=6, blocks=1, doublings=1)
PLAIN = RrdbConfig(channels=1, width=10, growth=6, blocks=1, doublings=0)
KINDS = [
    pytest.param(FOURFOLD, 4, id="4x"),
    pytest.param(FOLDED, 2, id="2x, folded"),
    pytest.param(UNFOLDED, 1, id="1x, folded"),
    pytest.param(TWOFOLD, 2, id="2x"),
    pytest.param(PLAIN, 1, id="1x of grey"),
]
COMPACT = SrvggConfig(channels=3, width=10, convolutions=3, scale=4)


def esrgan(weights: dict[str, Tensor], pixels: Tensor, config: RrdbConfig) -> Tensor:
    """Figures 3 and 4 of the paper."""

    def conv(name: str, x: Tensor) -> Tensor:
        return F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)

    def active(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, 0.2 * x)

    batch, channels, height, width = pixels.shape
    fold = config.fold
    parts = pixels.reshape(batch, channels, height // fold, fold, width // fold, fold)
    x = conv("conv_first", parts.permute(0, 1, 3, 5, 2, 4).flatten(1, 3))
    first = x
    for block in range(config.blocks):
        before = x
        for dense in (1, 2, 3):
            seen = [x]
            for number in (1, 2, 3, 4):
                seen.append(active(conv(f"body.{block}.rdb{dense}.conv{number}", torch.cat(seen, 1))))
            x = x + 0.2 * conv(f"body.{block}.rdb{dense}.conv5", torch.cat(seen, 1))
        x = before + 0.2 * x
    x = first + conv("conv_body", x)
    for number in range(1, config.doublings + 1):
        x = active(conv(f"conv_up{number}", x.repeat_interleave(2, 2).repeat_interleave(2, 3)))
    return conv("conv_last", active(conv("conv_hr", x)))


@pytest.mark.parametrize(("config", "scale"), KINDS)
def test_esrgan_computes_the_papers_formula(config: RrdbConfig, scale: int) -> None:
    network, weights = config.build().eval(), draw(config)
    network.load_state_dict(weights)
    pixels = torch.rand(2, config.channels, 8, 12)
    with torch.inference_mode():
        found = network(pixels)
        assert relative_error(found, esrgan(weights, pixels, config)) < 1e-5
    assert config.scale == scale
    assert found.shape == (2, config.channels, 8 * scale, 12 * scale)


@pytest.mark.parametrize(("config", "scale"), KINDS)
def test_esrgans_configuration_survives_a_trip_through_shapes(config: RrdbConfig, scale: int) -> None:
    shapes = {name: tuple(value.shape) for name, value in draw(config).items()}
    assert rrdb.config_from(shapes) == config


@pytest.mark.parametrize(("config", "scale"), KINDS)
def test_both_older_layouts_name_the_same_tensors(config: RrdbConfig, scale: int) -> None:
    shapes = {name: tuple(value.shape) for name, value in draw(config).items()}
    first = {first_names(config)[name]: shape for name, shape in shapes.items()}
    second = {second_names(name): shape for name, shape in shapes.items()}
    assert shapes_of(rrdb.first_layout(first)) == shapes
    assert shapes_of(rrdb.second_layout(second)) == shapes


def test_the_first_releases_numbers_are_the_known_ones() -> None:
    released = RrdbConfig(channels=3, width=64, growth=32, blocks=23, doublings=2)
    names = first_names(released)
    assert names["conv_last.weight"] == "model.10.weight"
    assert names["conv_body.bias"] == "model.1.sub.23.bias"
    with torch.device("meta"):
        assert sum(value.numel() for value in released.build().state_dict().values()) == 16_697_987


@pytest.mark.parametrize(
    ("config", "title"),
    [(FOURFOLD, "ESRGAN upscaler"), (COMPACT, "compact Real-ESRGAN upscaler")],
    ids=["esrgan", "compact"],
)
def test_files_are_told_by_their_tensors(config: RrdbConfig | SrvggConfig, title: str) -> None:
    shapes = {name: tuple(value.shape) for name, value in draw(config).items()}
    found = identify(shapes, "larger.safetensors")
    assert (found.kind, found.title, found.parts["upscaler"].config) == ("upscaler", title, config)
    with pytest.raises(UnsupportedCheckpoint, match=f"no checkpoint or denoising network: {title}"):
        detect_denoiser(shapes, "larger.safetensors")


def test_channels_that_are_no_square_of_pixels_are_refused() -> None:
    shapes = {name: tuple(value.shape) for name, value in draw(FOURFOLD).items()}
    with pytest.raises(ValueError, match="7 channels for pictures of 3"):
        rrdb.config_from(shapes | {"conv_first.weight": (10, 7, 3, 3)})


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_the_compact_network_computes_its_formula(scale: int) -> None:
    config = SrvggConfig(3, 10, 3, scale)
    network, weights = config.build().eval(), draw(config)
    network.load_state_dict(weights)
    pixels = torch.rand(2, 3, 7, 9)
    x = pixels
    for number in range(0, 10, 2):
        x = F.conv2d(x, weights[f"body.{number}.weight"], weights[f"body.{number}.bias"], padding=1)
        slope = weights.get(f"body.{number + 1}.weight", torch.ones(1)).reshape(1, -1, 1, 1)
        x = torch.where(x > 0, x, slope * x)
    shuffled = (
        x.reshape(2, 3, scale, scale, 7, 9).permute(0, 1, 4, 2, 5, 3).reshape(2, 3, 7 * scale, 9 * scale)
    )
    expected = shuffled + pixels.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    with torch.inference_mode():
        assert relative_error(network(pixels), expected) < 1e-5


def test_the_compact_configuration_survives_a_trip_through_shapes() -> None:
    shapes = {name: tuple(value.shape) for name, value in draw(COMPACT).items()}
    assert srvgg.config_from(shapes) == COMPACT
    assert math.isqrt(shapes["body.8.weight"][0] // 3) == 4
    assert not [name for name in shapes if not re.fullmatch(r"body\.\d+\.(weight|bias)", name)]
