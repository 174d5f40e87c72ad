"""The encoder and what it is shown, against transformers."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPImageProcessor

from engine.errors import UnsupportedCheckpoint
from engine.models import clip_vision
from engine.models.clip_vision import ClipVisionConfig, prepare
from engine.models.detect import detect_part
from tests.engine.models.sample_layouts import FIXTURE
from tests.engine.oracles.diffusers_sd import relative_error
from tests.engine.oracles.vision import SIDE_PX, build_vision, vision_tensors

# One forward pass in float32.
EXACT = 1e-5
RELEASES = {
    "clip_vision_l": (ClipVisionConfig(1024, 4096, 24, 14, 257, 768), 303_966_208),
    "clip_vision_h": (ClipVisionConfig(1280, 5120, 32, 14, 257, 1024, activation="gelu"), 632_076_800),
    "clip_vision_g": (ClipVisionConfig(1664, 8192, 48, 14, 257, 1280, activation="gelu"), 1_844_907_264),
}


def shapes_of(config: ClipVisionConfig) -> dict[str, tuple[int, ...]]:
    """The header of a released file of that configuration."""
    with torch.device("meta"):
        state = config.build().state_dict()
    return {
        name if name.startswith("visual_projection") else f"vision_model.{name}": tuple(tensor.shape)
        for name, tensor in state.items()
    }


@pytest.mark.parametrize("release", RELEASES)
def test_a_releases_tensors_tell_its_configuration(release: str) -> None:
    config, elements = RELEASES[release]
    shapes = shapes_of(config)
    sampled = json.loads(FIXTURE.read_text())[release]
    assert {name: list(shapes[name]) for name in sampled} == sampled
    detected = detect_part(shapes, clip_vision.PART, "vision")
    assert (detected.config, detected.elements, config.side_px) == (config, elements, 224)


def test_the_text_half_of_a_whole_clip_is_left_out() -> None:
    config, elements = RELEASES["clip_vision_l"]
    shapes = shapes_of(config) | {"text_projection.weight": (768, 768), "logit_scale": ()}
    shapes["text_model.embeddings.token_embedding.weight"] = (49_408, 768)
    assert detect_part(shapes, clip_vision.PART, "whole").elements == elements


def test_an_encoder_with_a_tensor_too_many_is_refused() -> None:
    shapes = shapes_of(RELEASES["clip_vision_l"][0]) | {"vision_model.head.weight": (5, 5)}
    with pytest.raises(UnsupportedCheckpoint, match=r"'vision_model\.head\.weight'"):
        detect_part(shapes, clip_vision.PART, "vision")


# So many layers tell an encoder that was trained with GELU itself.
@pytest.mark.parametrize(("layers", "activation"), [(3, "quick_gelu"), (32, "gelu")])
def test_an_encoder_sees_what_transformers_sees(layers: int, activation: str) -> None:
    reference: Any = build_vision(layers=layers, activation=activation)
    tensors = vision_tensors(reference)
    detected = detect_part(
        {name: tuple(tensor.shape) for name, tensor in tensors.items()}, clip_vision.PART, "tiny"
    )
    ours: Any = detected.config.build()
    sources = detected.layout({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    ours.load_state_dict({name: source.arrange(tensors[source.name]) for name, source in sources.items()})
    pixels = torch.randn(2, 3, SIDE_PX, SIDE_PX, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        seen, expected = ours(pixels), reference(pixels, output_hidden_states=True)
    assert relative_error(seen.embeds, expected.image_embeds) < EXACT
    assert relative_error(seen.last, expected.last_hidden_state) < EXACT
    assert relative_error(seen.penultimate, expected.hidden_states[-2]) < EXACT


# Far enough from black and white that nothing is cut off between the two passes of Pillow's filter.
PICTURE = 0.25 + 0.5 * torch.rand(1, 60, 90, 3, generator=torch.Generator().manual_seed(2))


def test_a_picture_is_shown_as_transformers_shows_it() -> None:
    bytes_of = (PICTURE[0] * 255).round().to(torch.uint8).numpy()
    processor: Any = CLIPImageProcessor(size={"shortest_edge": SIDE_PX}, crop_size=SIDE_PX)
    expected = processor(Image.fromarray(np.asarray(bytes_of)), return_tensors="pt")["pixel_values"]
    shown = prepare(torch.from_numpy(bytes_of)[None] / 255, SIDE_PX, is_cropped=True)
    # Pillow's filter rounds in between: two steps of 1/255, over the least deviation of a channel.
    assert (shown - expected).abs().max() < 2.5 / 255 / 0.26


def test_a_picture_of_the_right_size_is_only_normalised() -> None:
    grey = torch.full((2, SIDE_PX, SIDE_PX, 3), 102 / 255)
    shown = prepare(grey, SIDE_PX, is_cropped=True)
    expected = [
        (0.4 - 0.48145466) / 0.26862954,
        (0.4 - 0.4578275) / 0.26130258,
        (0.4 - 0.40821073) / 0.27577711,
    ]
    assert shown.shape == (2, 3, SIDE_PX, SIDE_PX)
    assert shown[1, :, 5, 7].tolist() == pytest.approx(expected, rel=1e-5)


def test_cropping_loses_the_sides_and_squeezing_keeps_them() -> None:
    # Left quarter black, the rest white: outside of the middle square of twice as wide a picture.
    wide = torch.ones(1, 60, 120, 3)
    wide[:, :, :30] = 0
    cropped, squeezed = (prepare(wide, SIDE_PX, is_cropped=is_cropped) for is_cropped in (True, False))
    assert cropped[0, 0, 30, 2] > 1
    assert squeezed[0, 0, 30, 2] < -1
