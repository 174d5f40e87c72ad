from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import UnsupportedCheckpoint, WeightsUnreadable
from engine.nodes.loaders import checkpoint_loader_simple
from tests.engine.nodes.studio import Studio
from tests.engine.oracles.diffusers_sd import relative_error
from tests.engine.prompts import CHECKPOINT


def studio_with(tmp_path: Path, content: bytes) -> Studio:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "bad.safetensors").write_bytes(content)
    return Studio(tmp_path)


def test_loading_reads_no_weights(studio: Studio) -> None:
    studio.load()
    assert studio.pool.resident == ()


def test_the_parts_name_their_place_in_the_file(studio: Studio) -> None:
    model, clip, vae = studio.load()
    assert [part.handle.part for part in (model, clip, vae)] == ["unet", "clip", "vae"]
    assert model.preview_vae == vae.handle
    assert {part.handle.family for part in (model, clip, vae)} == {"sd1"}


def test_the_same_file_gives_equal_handles(studio: Studio) -> None:
    assert studio.load() == studio.load()


def test_a_pickle_in_disguise_is_refused(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, b"\x80\x02}q\x00" + bytes(100))
    with pytest.raises(WeightsUnreadable, match=r"bad\.safetensors: is a Python pickle"):
        checkpoint_loader_simple(ckpt_name="bad.safetensors", ctx=studio.context)


def test_a_truncated_file_is_refused(tmp_path: Path, models: Path) -> None:
    studio = studio_with(tmp_path, (models / "checkpoints" / CHECKPOINT).read_bytes()[:-100])
    with pytest.raises(WeightsUnreadable, match=r"bad\.safetensors: is truncated"):
        checkpoint_loader_simple(ckpt_name="bad.safetensors", ctx=studio.context)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, b"")
    save_file({"lora_unet_down.weight": torch.zeros(1)}, tmp_path / "checkpoints" / "bad.safetensors")
    with pytest.raises(UnsupportedCheckpoint, match=r"bad\.safetensors: no known family fits"):
        checkpoint_loader_simple(ckpt_name="bad.safetensors", ctx=studio.context)


def test_an_old_merge_without_the_text_models_name_encodes_the_same(
    tmp_path: Path, models: Path, studio: Studio
) -> None:
    weights = load_file(models / "checkpoints" / CHECKPOINT)
    (tmp_path / "checkpoints").mkdir()
    save_file(
        {name.replace("transformer.text_model.", "transformer."): tensor for name, tensor in weights.items()},
        tmp_path / "checkpoints" / CHECKPOINT,
    )
    old, new = Studio(tmp_path).encode("a cat"), studio.encode("a cat")
    assert relative_error(old.entries[0].cond, new.entries[0].cond) == 0
