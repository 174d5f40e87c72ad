"""An extracted LoRA, loaded again, is the difference it was made of."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save_file
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import Clip, Model
from engine.nodes.loaders import checkpoint_loader_simple
from engine.nodes.lora import lora_loader
from engine.nodes.lora_saving import lora_save, nearest_of_rank
from engine.nodes.merging import clip_merge_subtract, model_merge_subtract
from engine.residency.handle import Handle
from engine.residency.weights import open_weights
from tests.engine.nodes.studio import Studio
from tests.engine.oracles.make_checkpoint import TINY, draw_checkpoint

# A matrix, a kernel, a norm and a bias of the network, a matrix of the text encoder.
CHANGED = (
    "model.diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_q.weight",
    "model.diffusion_model.middle_block.0.in_layers.2.weight",
    "model.diffusion_model.middle_block.0.in_layers.0.weight",
    "model.diffusion_model.out.2.bias",
    "cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.weight",
)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder: Path = tmp_path_factory.mktemp("models")
    for kind in ("checkpoints", "loras"):
        (folder / kind).mkdir()
    base, other = draw_checkpoint(TINY, 1), draw_checkpoint(TINY, 2)
    save_file(base, folder / "checkpoints" / "base.safetensors")
    tuned = base | {name: base[name] + 0.1 * other[name] for name in CHANGED}
    save_file(tuned, folder / "checkpoints" / "tuned.safetensors")
    return Studio(folder)


def load_from(studio: Studio, name: str) -> tuple[Model, Clip]:
    return checkpoint_loader_simple(ckpt_name=f"{name}.safetensors", ctx=studio.context)[:2]


def extract(studio: Studio, **settings: Any) -> dict[str, Tensor]:
    (model, clip), (tuned_model, tuned_clip) = load_from(studio, "base"), load_from(studio, "tuned")
    lora_save(
        **({"lora_type": "standard", "rank": 4096} | settings),
        model_diff=model_merge_subtract(model1=tuned_model, model2=model, multiplier=1.0),
        text_encoder_diff=clip_merge_subtract(clip1=tuned_clip, clip2=clip, multiplier=1.0),
        ctx=studio.context,
    )
    (file,) = studio.context.files
    studio.context.files.clear()
    assert file.prefix == "loras/ComfyUI_extracted_lora"
    (studio.models / "loras" / "a.safetensors").write_bytes(file.content)
    return load(file.content)


def read(handle: Handle) -> dict[str, Tensor]:
    with open_weights(handle, torch.device("cpu")) as weights:
        return {name: weights.read(name).clone() for name in weights.sources}


@pytest.mark.parametrize("lora_type", ["standard", "full_diff"])
def test_a_lora_of_full_rank_turns_the_base_into_the_tuned_model(studio: Studio, lora_type: str) -> None:
    extract(studio, lora_type=lora_type)
    model, clip = load_from(studio, "base")
    found = lora_loader(model=model, clip=clip, lora_name="a.safetensors", ctx=studio.context)
    for part, expected in zip(found, load_from(studio, "tuned"), strict=True):
        ours, theirs = read(part.handle), read(expected.handle)
        for name, tensor in theirs.items():
            # Factors and differences are stored in half precision, three decimal digits of a tenth.
            torch.testing.assert_close(ours[name], tensor, rtol=1e-3, atol=1e-3)


def test_only_what_differs_is_stored(studio: Studio) -> None:
    stems = {
        name.rsplit(".lora_", 1)[0].removesuffix(".diff_b").removesuffix(".diff") for name in extract(studio)
    }
    assert stems == {
        "diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_q",
        "diffusion_model.middle_block.0.in_layers.2",
        "diffusion_model.middle_block.0.in_layers.0",
        "diffusion_model.out.2",
        "text_encoders.clip_l.transformer.text_model.encoder.layers.0.mlp.fc1",
    }


def test_vectors_can_be_left_out(studio: Studio) -> None:
    assert not any("diff" in name.rsplit(".", 1)[1] for name in extract(studio, bias_diff=False))


@pytest.mark.parametrize("shape", [(12, 8), (12, 4, 3, 3)])
def test_the_error_of_a_rank_is_what_the_smaller_singular_values_leave(shape: tuple[int, ...]) -> None:
    difference = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    up, down = nearest_of_rank(difference, 3)
    assert (up.shape[:2], down.shape) == ((12, 3), (3, *shape[1:]))
    left = difference.flatten(1) - up.flatten(1) @ down.flatten(1)
    values = torch.linalg.svdvals(difference.flatten(1))
    torch.testing.assert_close(left.norm(), values[3:].norm(), rtol=1e-4, atol=1e-5)


def test_nothing_to_save_is_refused(studio: Studio) -> None:
    with pytest.raises(BadInput, match="neither model_diff nor text_encoder_diff is connected"):
        lora_save(lora_type="standard", ctx=studio.context)
    model, _ = load_from(studio, "base")
    nothing = model_merge_subtract(model1=model, model2=model, multiplier=1.0)
    with pytest.raises(BadInput, match="zero everywhere"):
        lora_save(lora_type="standard", model_diff=nothing, ctx=studio.context)
