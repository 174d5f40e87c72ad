from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from engine.errors import WeightsUnreadable
from engine.weights.embedding import read_vectors

VECTORS = torch.arange(12.0).reshape(3, 4)


def saved(path: Path, **tensors: torch.Tensor) -> Path:
    save_file({name.replace("__", "."): tensor for name, tensor in tensors.items()}, path)
    return path


def test_a_file_with_one_tensor_is_that_tensor(tmp_path: Path) -> None:
    path = saved(tmp_path / "cat.safetensors", emb_params=VECTORS.half())
    assert torch.equal(read_vectors(path, "clip_l", 4), VECTORS)


def test_a_single_vector_under_its_token_is_one_row(tmp_path: Path) -> None:
    save_file({"<cat>": VECTORS[0].clone()}, tmp_path / "learned_embeds.safetensors")
    assert torch.equal(read_vectors(tmp_path / "learned_embeds.safetensors", "clip_l", 4), VECTORS[:1])


@pytest.mark.parametrize(("encoder", "width"), [("clip_l", 4), ("clip_g", 6)])
def test_each_encoder_takes_its_own(tmp_path: Path, encoder: str, width: int) -> None:
    path = saved(tmp_path / "xl.safetensors", clip_g=torch.ones(2, 6), clip_l=VECTORS)
    assert read_vectors(path, encoder, width).shape[-1] == width


def test_embeddings_bundled_with_a_lora_are_found(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "bundle.safetensors",
        bundle_emb__cat__clip_g=torch.ones(2, 6),
        bundle_emb__cat__clip_l=VECTORS,
        lora_unet_x__lora_up__weight=torch.ones(2, 2),
    )
    assert torch.equal(read_vectors(path, "clip_l", 4), VECTORS)


def test_what_is_no_row_of_vectors_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "cube.safetensors", emb_params=torch.zeros(2, 3, 4))
    with pytest.raises(
        WeightsUnreadable, match=r"a few vectors; this has torch\.float32 of shape \[2, 3, 4\]"
    ):
        read_vectors(path, "clip_l", 4)


@pytest.mark.parametrize("suffix", [".pt", ".bin"])
@pytest.mark.parametrize(
    "document",
    [
        {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": {"*": nn.Parameter(VECTORS)}},
        {"string_to_param": nn.ParameterDict({"star": nn.Parameter(VECTORS)}), "name": "cat", "step": 500},
        {"<cat>": VECTORS},
        {"clip_g": torch.ones(2, 6), "clip_l": VECTORS},
        [{"a": torch.ones(2, 6)}, {"b": VECTORS}],
    ],
    ids=["webui", "first tool", "diffusers", "two encoders", "list"],
)
def test_files_of_torch_save_are_read(tmp_path: Path, suffix: str, document: object) -> None:
    torch.save(document, tmp_path / f"cat{suffix}")
    assert torch.equal(read_vectors(tmp_path / f"cat{suffix}", "clip_l", 4), VECTORS)


def test_a_file_without_vectors_is_refused(tmp_path: Path) -> None:
    torch.save({"name": "cat"}, tmp_path / "cat.pt")
    with pytest.raises(WeightsUnreadable, match="has no vectors"):
        read_vectors(tmp_path / "cat.pt", "clip_l", 4)
