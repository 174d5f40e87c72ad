import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from engine.errors import InputUnreadable
from engine.graph.kinds import Latent
from engine.nodes import storage
from engine.nodes.storage import load_latent, save_latent
from tests.engine.nodes.calls import context_of

LATENT = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(0))


def saved(latent: Tensor = LATENT, **metadata: object) -> bytes:
    context = context_of(**metadata)  # type: ignore[arg-type]
    save_latent(samples=Latent(latent), filename_prefix="latents/x", ctx=context)
    (file,) = context.files
    assert (file.purpose, file.kind, file.prefix, file.suffix) == ("output", "latent", "latents/x", ".latent")
    return file.content


def load(content: bytes) -> Tensor:
    return load_latent(latent="l", ctx=context_of({"l": content})).samples


def test_a_latent_comes_back_as_it_was() -> None:
    assert torch.equal(load(saved()), LATENT)


def test_a_file_without_the_mark_is_brought_into_vae_space() -> None:
    assert torch.allclose(load(save({"latent_tensor": LATENT})), LATENT / 0.18215)


def test_half_precision_is_widened() -> None:
    assert load(saved(LATENT.half())).dtype == torch.float32


def test_the_file_is_the_one_that_comfyui_writes(tmp_path: Path) -> None:
    path = tmp_path / "x.latent"
    path.write_bytes(saved(prompt={"1": {}}, workflow={"nodes": []}))
    with safe_open(path, framework="pt") as file:
        assert set(file.keys()) == {"latent_tensor", "latent_format_version_0"}
        assert file.get_tensor("latent_format_version_0").numel() == 0
        assert {name: json.loads(text) for name, text in file.metadata().items()} == {
            "prompt": {"1": {}},
            "workflow": {"nodes": []},
        }


def test_a_part_of_a_larger_tensor_is_saved_alone() -> None:
    assert torch.equal(load(saved(LATENT[:1, :, 1:, ::2])), LATENT[:1, :, 1:, ::2])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"\x80\x04\x95 a pickle",
        save({"other": LATENT}),
        save({"latent_tensor": LATENT[0]}),
        save({"latent_tensor": torch.zeros(1, 4, 0, 5)}),
        save({"latent_tensor": LATENT})[:-10],
        b"\xff" * 8 + b"{}",
    ],
)
def test_what_is_no_latent_is_refused(content: bytes) -> None:
    with pytest.raises(InputUnreadable, match=r"'l' is no \.latent file"):
        load(content)


def test_a_file_of_too_many_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MAX_INPUT_BYTES", 10)
    with pytest.raises(InputUnreadable, match="at most 10"):
        load(saved())
