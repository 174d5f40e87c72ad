from typing import Any

import pytest
import torch

from engine.models.taesd import DECODER_FILE, ENCODER_FILE, Taesd, TaesdConfig, config_from, whole_layout
from engine.weights.layout import shapes_of
from tests.engine.oracles.diffusers_sd import relative_error
from tests.engine.oracles.tiny_vae import build_tiny_vae, draw_tiny_vae

ODD = TaesdConfig(latent_channels=5, encoder_width=8, decoder_width=12, scale=0.4, shift=0.3)
WEIGHTS = draw_tiny_vae(ODD)
# The released files' sizes.
RELEASED = TaesdConfig(4, 64, 64)
MODERN = TaesdConfig(16, 64, 64)


def filled() -> Taesd:
    network = ODD.build()
    network.load_state_dict(WEIGHTS)
    return network.eval()


@pytest.mark.parametrize("size", [(8, 8), (3, 5)])
def test_it_decodes_what_diffusers_decodes(size: tuple[int, int]) -> None:
    latent = torch.randn(2, 5, *size) * 4
    with torch.inference_mode():
        theirs: Any = build_tiny_vae(ODD, WEIGHTS)
        expected = theirs.decode((latent - ODD.shift) * ODD.scale).sample
        assert relative_error(filled().decode(latent), expected) < 1e-5


@pytest.mark.parametrize("size", [(64, 64), (24, 40)])
def test_it_encodes_what_diffusers_encodes(size: tuple[int, int]) -> None:
    pixels = torch.rand(2, 3, *size) * 2 - 1
    with torch.inference_mode():
        theirs: Any = build_tiny_vae(ODD, WEIGHTS)
        expected = theirs.encode(pixels).latents / ODD.scale + ODD.shift
        assert relative_error(filled().encode(pixels), expected) < 1e-5


@pytest.mark.parametrize("changes", [{}, {"encoder_width": None}, {"decoder_width": None}])
def test_the_configuration_survives_a_trip_through_shapes(changes: dict[str, Any]) -> None:
    wanted = TaesdConfig(**({"latent_channels": 5, "encoder_width": 8, "decoder_width": 12} | changes))
    with torch.device("meta"):
        network = wanted.build()
    assert config_from({name: tuple(value.shape) for name, value in network.state_dict().items()}) == wanted


@pytest.mark.parametrize(
    ("config", "encoder", "decoder"), [(RELEASED, 1_222_532, 1_222_531), (MODERN, 1_229_456, 1_229_443)]
)
def test_it_has_as_many_numbers_as_the_released_files(
    config: TaesdConfig, encoder: int, decoder: int
) -> None:
    with torch.device("meta"):
        network = config.build()
    found = [
        sum(value.numel() for value in part.state_dict().values())
        for part in (network.taesd_encoder, network.taesd_decoder)
    ]
    assert found == [encoder, decoder]


def test_the_halves_of_a_pair_are_told_from_each_other() -> None:
    shapes = {name: tuple(value.shape) for name, value in WEIGHTS.items()}
    markers = {layout.places[0].marker for layout in (ENCODER_FILE, DECODER_FILE)}
    encoder = {name.removeprefix("taesd_encoder.") for name in shapes if name.startswith("taesd_encoder.")}
    decoder = {name.removeprefix("taesd_decoder.") for name in shapes if name.startswith("taesd_decoder.")}
    assert markers & encoder - decoder == {"1.conv.0.weight"}
    assert DECODER_FILE.places[0].marker in decoder


def test_halves_for_different_latents_do_not_fit() -> None:
    shapes = {name: tuple(value.shape) for name, value in WEIGHTS.items()}
    with pytest.raises(ValueError, match="latents of 5 and 7 channels"):
        config_from(shapes | {"taesd_decoder.1.weight": (12, 7, 3, 3)})


def test_scale_and_shift_in_a_file_are_no_weights() -> None:
    found = shapes_of(whole_layout({"vae_scale": (), "vae_shift": (), "taesd_decoder.1.bias": (4,)}))
    assert found == {"taesd_decoder.1.bias": (4,)}
