from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from engine.errors import UnsupportedCheckpoint
from engine.graph.kinds import ClipVision, Image
from engine.models.clip_vision import prepare
from engine.nodes.clip_vision import clip_vision_encode, clip_vision_loader
from tests.engine.nodes.studio import Studio
from tests.engine.oracles.diffusers_sd import relative_error
from tests.engine.oracles.vision import SIDE_PX, build_vision, vision_tensors

PICTURE = torch.rand(2, 70, 100, 4, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    (tmp_path / "clip_vision").mkdir()
    save_file(vision_tensors(build_vision()), tmp_path / "clip_vision" / "tiny.safetensors")
    return Studio(tmp_path)


def load(studio: Studio) -> ClipVision:
    return clip_vision_loader(clip_name="tiny.safetensors", ctx=studio.context)


@pytest.mark.parametrize("crop", ["center", "none"])
def test_a_pictures_vectors_are_those_of_transformers(studio: Studio, crop: Any) -> None:
    seen = clip_vision_encode(clip_vision=load(studio), image=Image(PICTURE), crop=crop, ctx=studio.context)
    reference: Any = build_vision()
    with torch.inference_mode():
        shown = prepare(PICTURE, SIDE_PX, is_cropped=crop == "center")
        expected = reference(shown, output_hidden_states=True)
    # One forward pass in float32.
    assert relative_error(seen.embeds, expected.image_embeds) < 1e-5
    assert relative_error(seen.last, expected.last_hidden_state) < 1e-5
    assert relative_error(seen.penultimate, expected.hidden_states[-2]) < 1e-5


def test_how_a_picture_is_cut_makes_a_difference(studio: Studio) -> None:
    crops: tuple[Any, Any] = ("center", "none")
    found = [
        clip_vision_encode(clip_vision=load(studio), image=Image(PICTURE), crop=crop, ctx=studio.context)
        for crop in crops
    ]
    assert relative_error(found[0].embeds, found[1].embeds) > 1e-3


def test_a_file_of_another_kind_is_refused_by_name(studio: Studio, tmp_path: Path) -> None:
    save_file({"emb_params": torch.zeros(2, 768)}, tmp_path / "clip_vision" / "other.safetensors")
    with pytest.raises(
        UnsupportedCheckpoint, match=r"other\.safetensors is no CLIP vision.*textual inversion"
    ):
        clip_vision_loader(clip_name="other.safetensors", ctx=studio.context)
