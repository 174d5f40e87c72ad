import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engine.errors import WeightsUnreadable
from engine.weights.embedding import read_vectors

VECTORS = torch.arange(12.0).reshape(3, 4)


def pickled(path: Path, document: object) -> Path:
    torch.save(document, path)
    return path


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


def test_the_first_tools_pickles_are_read(tmp_path: Path) -> None:
    document = {"string_to_token": {"*": 265}, "string_to_param": {"*": VECTORS}, "name": "cat", "step": 9}
    assert torch.equal(read_vectors(pickled(tmp_path / "cat.pt", document), "clip_l", 4), VECTORS)


def test_diffusers_pickles_are_read(tmp_path: Path) -> None:
    path = pickled(tmp_path / "learned_embeds.bin", {"<cat>": VECTORS[0]})
    assert torch.equal(read_vectors(path, "clip_l", 4), VECTORS[:1])


def test_of_a_list_all_that_fit_are_taken(tmp_path: Path) -> None:
    path = pickled(tmp_path / "many.pt", [{"a": VECTORS[0]}, {"b": torch.ones(5)}, {"c": VECTORS[1:]}])
    assert torch.equal(read_vectors(path, "clip_l", 4), VECTORS)


class Payload:
    """What a pickle of a hostile file would call when it is read."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.mkdir, (Path("owned"),)  # type: ignore[return-value]


def test_a_pickle_that_runs_something_is_refused_and_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = pickled(tmp_path / "evil.pt", {"string_to_param": Payload()})
    with pytest.raises(WeightsUnreadable, match=r"evil\.pt: holds more than tensors"):
        read_vectors(path, "clip_l", 4)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("content", [b"", b"junk", b"\x80\x04]q\x00."])
def test_a_damaged_pickle_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.pt").write_bytes(content)
    with pytest.raises(WeightsUnreadable, match=r"bad\.pt"):
        read_vectors(tmp_path / "bad.pt", "clip_l", 4)


def test_a_zip_that_is_no_pickle_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.pt", "w") as file:
        file.writestr("readme.txt", "hello")
    with pytest.raises(WeightsUnreadable, match=r"bad\.pt"):
        read_vectors(tmp_path / "bad.pt", "clip_l", 4)


def test_what_is_no_row_of_vectors_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "cube.safetensors", emb_params=torch.zeros(2, 3, 4))
    with pytest.raises(
        WeightsUnreadable, match=r"a few vectors; this has torch\.float32 of shape \[2, 3, 4\]"
    ):
        read_vectors(path, "clip_l", 4)
