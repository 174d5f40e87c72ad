from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.graph.folders import ModelFolders
from engine.nodes.conditioning import clip_text_encode
from engine.nodes.embeddings import find_embedding
from engine.nodes.model_loaders import clip_loader
from engine.residency.handle import Handle
from tests.engine.nodes.studio import Studio
from tests.engine.oracles import families
from tests.engine.oracles.diffusers_sd import build_text_encoder
from tests.engine.oracles.families import draw_family, in_transformers_layout, write_family


def with_embedding(folder: Path, family: families.TinyFamily, **tensors: Tensor) -> Studio:
    (folder / "checkpoints").mkdir(exist_ok=True)
    (folder / "embeddings").mkdir(exist_ok=True)
    write_family(folder / "checkpoints" / "tiny.safetensors", family)
    save_file(tensors, folder / "embeddings" / "thing.safetensors")
    return Studio(folder)


def words(studio: Studio, handle: Handle, ids: list[int]) -> Tensor:
    """The encoder's own vectors of these words."""
    with torch.inference_mode(), studio.pool.lease(handle) as module:
        encoder: Any = module
        return encoder.embed(torch.tensor(ids)).clone()


# "red" and "cat", as the tokenizer numbers them.
RED_CAT = [736, 2368]


@pytest.mark.parametrize(
    ("named", "spelled"),
    [
        ("a embedding:thing on a mat", "a red cat on a mat"),
        ("a (embedding:thing:1.3) on a mat", "a (red cat:1.3) on a mat"),
        ("embedding:thing.safetensors, blue", "red cat, blue"),
        ("a embedding:nothing mat", "a mat"),
    ],
)
def test_an_embedding_that_says_what_words_say_is_those_words(
    tmp_path: Path, named: str, spelled: str
) -> None:
    studio = with_embedding(tmp_path, families.SD1, emb_params=torch.zeros(1, 48))
    vectors = words(studio, studio.load()[1].handle, RED_CAT)
    save_file({"emb_params": vectors}, tmp_path / "embeddings" / "thing.safetensors")
    made, expected = (studio.encode(text).entries[0].cond for text in (named, spelled))
    torch.testing.assert_close(made, expected, rtol=1e-5, atol=1e-5)


def test_sdxls_encoders_take_their_own_vectors(tmp_path: Path) -> None:
    studio = with_embedding(tmp_path, families.SDXL, clip_l=torch.zeros(1, 48), clip_g=torch.zeros(1, 64))
    clip = studio.load()[1]
    assert clip.second is not None
    vectors = {"clip_l": words(studio, clip.handle, RED_CAT), "clip_g": words(studio, clip.second, RED_CAT)}
    save_file(vectors, tmp_path / "embeddings" / "thing.safetensors")
    (made,), (expected,) = (
        studio.encode(text).entries for text in ("a embedding:thing, blue", "a red cat, blue")
    )
    torch.testing.assert_close(made.cond, expected.cond, rtol=1e-5, atol=1e-5)
    assert made.pooled is not None
    assert expected.pooled is not None
    torch.testing.assert_close(made.pooled, expected.pooled, rtol=1e-5, atol=1e-5)


def test_an_embedding_for_another_encoder_says_nothing(tmp_path: Path) -> None:
    studio = with_embedding(tmp_path, families.SD1, emb_params=torch.ones(2, 1024))
    assert torch.equal(
        studio.encode("a embedding:thing cat").entries[0].cond, studio.encode("a cat").entries[0].cond
    )


def test_a_file_is_found_below_the_folder_and_without_its_suffix(tmp_path: Path) -> None:
    for name in ("style/dark.sft", "dark.sft", "style/dark.safetensors", "dark.pt"):
        (tmp_path / "embeddings" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "embeddings" / name).write_bytes(b"")
    models = ModelFolders((tmp_path,))
    found = {
        name: find_embedding(models, name) for name in ("dark", "style/dark", "dark.pt", "dar", "", "../dark")
    }
    base = tmp_path / "embeddings"
    assert found == {
        "dark": base / "dark.sft",
        "style/dark": base / "style/dark.safetensors",
        "dark.pt": base / "dark.pt",
        "dar": None,
        "": None,
        "../dark": None,
    }


def test_a_long_encoder_takes_248_tokens_at_once(tmp_path: Path) -> None:
    long = replace(families.SD1.texts[0].config, length=248)
    family = replace(families.SD1, texts=(replace(families.SD1.texts[0], config=long),))
    (tmp_path / "text_encoders").mkdir()
    weights = draw_family(family).texts[0]
    save_file(in_transformers_layout(weights), tmp_path / "text_encoders" / "longclip.safetensors")
    studio = Studio(tmp_path)
    clip = clip_loader(clip_name="longclip.safetensors", type="stable_diffusion", ctx=studio.context)
    prompt = "word " * 200
    (entry,) = clip_text_encode(text=prompt, clip=clip, ctx=studio.context).entries
    assert entry.cond.shape == (1, 248, 48)
    ids = [49406, *[2653] * 200, *[49407] * 47]
    encoder = build_text_encoder(long, weights)
    expected = encoder(torch.tensor([ids])).last_hidden_state
    torch.testing.assert_close(entry.cond, expected.detach(), rtol=1e-4, atol=1e-5)
