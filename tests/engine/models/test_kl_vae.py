import pytest
import torch
from torch import Tensor

from engine.models.kl_vae import KlVae, KlVaeConfig, config_from
from tests.engine.oracles.diffusers_sd import below, build_vae, relative_error
from tests.engine.oracles.make_checkpoint import TINY

ODD = KlVaeConfig(pixel_channels=5, latent_channels=7, widths=(64, 32, 96), residual_blocks=3)


def test_the_configuration_survives_a_trip_through_shapes() -> None:
    with torch.device("meta"):
        network = ODD.build()
    assert config_from({name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}) == ODD


def test_a_latent_element_covers_a_square_of_pixels() -> None:
    assert ODD.factor == 4


@pytest.mark.parametrize("size", [(8, 8), (6, 10)])
def test_it_decodes_what_diffusers_decodes(tiny_weights: dict[str, Tensor], size: tuple[int, int]) -> None:
    weights = below(tiny_weights, "first_stage_model.")
    latent = torch.randn(2, 4, *size)
    with torch.inference_mode():
        expected = build_vae(TINY.vae, weights).decode(latent).sample
        assert relative_error(filled(weights).decode(latent), expected) < 1e-5


@pytest.mark.parametrize("size", [(64, 64), (48, 80)])
def test_it_encodes_to_the_mean_that_diffusers_has(
    tiny_weights: dict[str, Tensor], size: tuple[int, int]
) -> None:
    weights = below(tiny_weights, "first_stage_model.")
    pixels = torch.rand(2, 3, *size) * 2 - 1
    with torch.inference_mode():
        expected = build_vae(TINY.vae, weights).encode(pixels).latent_dist.mean
        assert relative_error(filled(weights).encode(pixels), expected) < 1e-5


def filled(weights: dict[str, Tensor]) -> KlVae:
    network = TINY.vae.build()
    network.load_state_dict(weights)
    return network.eval()
