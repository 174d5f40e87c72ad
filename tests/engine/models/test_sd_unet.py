from dataclasses import replace

import pytest
import torch
from torch import Tensor

from engine.models.sd_unet import Level, SdUNet, SdUNetConfig, config_from
from tests.engine.models.recorded import draw_by_rule, output_of, read_recording, seeded
from tests.engine.oracles.diffusers_sd import below, build_unet, relative_error
from tests.engine.oracles.make_checkpoint import TINY

ODD = SdUNetConfig(
    in_channels=9,
    out_channels=5,
    model_channels=64,
    context_width=40,
    levels=(Level(64, 3, 2), Level(32, 3, 0), Level(160, 3, 1)),
    middle_depth=3,
)


REDUCED = replace(ODD, middle_depth=None, output_depths=(1, 2, 0, 3, 0, 1, 2, 2, 2, 0, 1, 1))


@pytest.mark.parametrize("config", [ODD, REDUCED, TINY.unet])
def test_the_configuration_survives_a_trip_through_shapes(config: SdUNetConfig) -> None:
    with torch.device("meta"):
        network = config.build()
    assert config_from({name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}) == config


@pytest.mark.parametrize("size", [(16, 16), (10, 14), (8, 12)])
def test_it_predicts_what_diffusers_predicts(tiny_weights: dict[str, Tensor], size: tuple[int, int]) -> None:
    weights = below(tiny_weights, "model.diffusion_model.")
    ours = filled(TINY.unet, weights)
    reference = build_unet(TINY.unet, weights)
    x, text = torch.randn(2, 4, *size), torch.randn(2, 77, TINY.unet.context_width)
    timestep = torch.tensor([981, 3])
    with torch.inference_mode():
        expected = reference(x, timestep, encoder_hidden_states=text).sample
        assert relative_error(ours(x, timestep, text), expected) < 1e-5


def test_it_predicts_what_was_recorded_elsewhere() -> None:
    recording = read_recording("unet_sd1_like")
    weights = draw_by_rule(recording["shapes"])
    config = replace(config_from({name: tuple(tensor.shape) for name, tensor in weights.items()}), heads=4)
    inputs = recording["inputs"]
    with torch.inference_mode():
        ours = filled(config, weights)(*(seeded(inputs[name]) for name in ("x", "timesteps", "context")))
    assert relative_error(ours, output_of(recording, "out")) < 1e-5


def filled(config: SdUNetConfig, weights: dict[str, Tensor]) -> SdUNet:
    network = config.build()
    network.load_state_dict(weights)
    return network.eval()
