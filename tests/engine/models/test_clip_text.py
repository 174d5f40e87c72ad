from dataclasses import replace

import torch
from torch import Tensor

from engine.models.clip_text import ClipText, ClipTextConfig, config_from
from tests.engine.models.recorded import draw_by_rule, output_of, read_recording, seeded
from tests.engine.oracles.diffusers_sd import below, build_text_encoder, relative_error
from tests.engine.oracles.make_checkpoint import TINY

ODD = ClipTextConfig(vocabulary=101, length=19, width=192, inner_width=70, layers=5, heads=3)


def test_the_configuration_survives_a_trip_through_shapes() -> None:
    with torch.device("meta"):
        network = ODD.build()
    assert config_from({name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}) == ODD


def test_it_encodes_what_transformers_encodes(tiny_weights: dict[str, Tensor]) -> None:
    weights = below(tiny_weights, "cond_stage_model.transformer.text_model.")
    ours, reference = filled(TINY.text, weights), build_text_encoder(TINY.text, weights)
    tokens = torch.randint(0, 49_406, (3, 77))
    with torch.inference_mode():
        expected = reference(tokens).last_hidden_state
        assert relative_error(ours(ours.embed(tokens)), expected) < 1e-5


def test_it_encodes_what_was_recorded_elsewhere() -> None:
    recording = read_recording("clip_l_like")
    weights = {
        name.removeprefix("text_model."): tensor for name, tensor in draw_by_rule(recording["shapes"]).items()
    }
    config = replace(config_from({name: tuple(tensor.shape) for name, tensor in weights.items()}), heads=4)
    network = filled(config, weights)
    with torch.inference_mode():
        ours = network(network.embed(seeded(recording["inputs"]["tokens"])))
    expected = output_of(recording, "last_normed")
    assert relative_error(ours[:, : expected.shape[1]], expected) < 1e-5


def test_a_shorter_text_is_encoded_like_the_start_of_a_longer_one(tiny_weights: dict[str, Tensor]) -> None:
    network = filled(TINY.text, below(tiny_weights, "cond_stage_model.transformer.text_model."))
    embedded = network.embed(torch.arange(77)[None])
    with torch.inference_mode():
        assert relative_error(network(embedded[:, :20]), network(embedded)[:, :20]) < 1e-5


def filled(config: ClipTextConfig, weights: dict[str, Tensor]) -> ClipText:
    network = config.build()
    network.load_state_dict(weights)
    return network.eval()
