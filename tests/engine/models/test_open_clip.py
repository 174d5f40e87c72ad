import pytest
import torch

from engine.models.clip_text import ClipText
from engine.models.open_clip import config_from, layout
from engine.weights.layout import shapes_of
from tests.engine.oracles.diffusers_sd import build_text_encoder, relative_error
from tests.engine.oracles.families import SDXL, draw, open_clip_names

ROLE = SDXL.texts[1]


def read() -> tuple[ClipText, dict[str, torch.Tensor]]:
    """An encoder from a file in OpenCLIP's layout, and the weights that the file was written from."""
    weights = draw(ROLE.config.build(), ROLE.prefix)
    stored = open_clip_names(weights, ROLE.config.layers)
    stored.pop("logit_scale")
    sources = layout({name: tuple(tensor.shape) for name, tensor in stored.items()})
    encoder = config_from(shapes_of(sources)).build()
    encoder.load_state_dict({name: source.arrange(stored[source.name]) for name, source in sources.items()})
    return encoder.eval(), weights


def test_the_configuration_is_read_from_the_layout() -> None:
    assert read()[0].config == ROLE.config


@pytest.mark.parametrize("layer", [-1, -2, -4])
def test_it_encodes_what_transformers_encodes(layer: int) -> None:
    ours, weights = read()
    theirs = build_text_encoder(ROLE.config, weights)
    tokens = torch.randint(0, 49_406, (2, 77))
    tokens[0, 20:], tokens[1, 50], tokens[1, 51:] = 49_407, 49_407, 0
    with torch.inference_mode():
        encoded = ours.encode(ours.embed(tokens), torch.tensor([20, 50]), layer, is_normed=False)
        expected = theirs(tokens, output_hidden_states=True)
    assert relative_error(encoded.hidden, expected.hidden_states[layer]) < 1e-5
    assert relative_error(encoded.pooled, expected.text_embeds) < 1e-5


def test_a_layer_beyond_the_first_is_the_last() -> None:
    ours, _ = read()
    embedded = ours.embed(torch.arange(77)[None])
    with torch.inference_mode():
        assert torch.equal(ours(embedded, -99), ours(embedded, -1))


def test_the_positions_that_longclip_trained_with_are_left_out() -> None:
    assert layout({"positional_embedding_res": (248, 768)}) == {}


def test_a_fused_matrix_without_thirds_is_refused() -> None:
    with pytest.raises(ValueError, match="which are no thirds"):
        layout({"transformer.resblocks.0.attn.in_proj_weight": (10, 4)})
