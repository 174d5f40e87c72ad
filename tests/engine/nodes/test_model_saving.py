"""What is saved loads again and is the same model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save_file
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import Clip, Latent, Model, Parametrisation, Vae
from engine.models import open_clip
from engine.nodes.conditioning import clip_text_encode
from engine.nodes.loaders import checkpoint_loader_simple
from engine.nodes.merging import clip_merge_simple, model_merge_simple
from engine.nodes.model_loaders import clip_loader, unet_loader, vae_loader
from engine.nodes.model_saving import checkpoint_save, clip_save, model_save, vae_save
from engine.residency.handle import Handle
from engine.residency.weights import open_weights, sources_of
from engine.weights.header import read_header
from tests.engine.nodes.studio import Studio
from tests.engine.oracles import families
from tests.engine.oracles.families import TinyFamily, draw_family, in_released_layout, write_family
from tests.engine.oracles.make_checkpoint import TINY, draw_checkpoint
from tests.engine.prompts import CHECKPOINT


def studio_in(folder: Path) -> Studio:
    for kind in ("checkpoints", "diffusion_models", "text_encoders", "vae"):
        (folder / kind).mkdir(exist_ok=True)
    return Studio(folder)


def load_from(studio: Studio, name: str) -> tuple[Model, Clip, Vae]:
    return checkpoint_loader_simple(ckpt_name=name, ctx=studio.context)


def keep(studio: Studio, kind: str) -> list[str]:
    """What was saved, now in the folder of models."""
    names = [file.prefix.split("/")[-1] + file.suffix for file in studio.context.files]
    for name, file in zip(names, studio.context.files, strict=True):
        (studio.models / kind / name).write_bytes(file.content)
    studio.context.files.clear()
    return names


def read_all(handle: Handle) -> dict[str, Tensor]:
    with open_weights(handle, torch.device("cpu")) as weights:
        return {name: weights.read(name).clone() for name in sources_of(handle)}


def same(first: Handle, second: Handle) -> bool:
    a, b = read_all(first), read_all(second)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_merged_checkpoint_loads_again_with_the_same_picture(tmp_path: Path) -> None:
    studio = studio_in(tmp_path)
    names = (CHECKPOINT, "other.safetensors")
    for seed, name in enumerate(names):
        save_file(draw_checkpoint(TINY, seed), tmp_path / "checkpoints" / name)
    (model1, clip1, vae), (model2, clip2, _) = (load_from(studio, name) for name in names)
    model = model_merge_simple(model1=model1, model2=model2, ratio=0.4)
    clip = clip_merge_simple(clip1=clip1, clip2=clip2, ratio=0.6)
    checkpoint_save(model=model, clip=clip, vae=vae, filename_prefix="checkpoints/mix", ctx=studio.context)
    (name,) = keep(studio, "checkpoints")
    saved = load_from(studio, name)
    assert saved[0].handle.patches == ()
    pictures = [picture(studio, *parts[:2]) for parts in ((model, clip), saved)]
    assert torch.equal(*pictures)
    assert same(saved[2].handle, vae.handle)


def picture(studio: Studio, model: Model, clip: Clip) -> Tensor:
    sides: dict[str, Any] = {
        side: clip_text_encode(text=text, clip=clip, ctx=studio.context)
        for side, text in (("positive", "a cat"), ("negative", "blurry"))
    }
    return studio.sample(Latent(torch.zeros(1, 4, 8, 8)), model=model, steps=2, **sides).samples


@pytest.mark.parametrize("family", [families.SD2, families.SDXL])
def test_a_checkpoint_is_saved_in_the_layout_of_the_releases(tmp_path: Path, family: TinyFamily) -> None:
    studio = studio_in(tmp_path)
    original = in_released_layout(family, draw_family(family))
    write_family(tmp_path / "checkpoints" / "a.safetensors", family, torch.float16)
    model, clip, vae = load_from(studio, "a.safetensors")
    checkpoint_save(model=model, clip=clip, vae=vae, ctx=studio.context)
    (file,) = studio.context.files
    stored = load(file.content)
    assert (file.prefix, file.suffix, file.kind) == ("checkpoints/ComfyUI", ".safetensors", "model")
    # The scale is of training alone; no part has it.
    used = {name: tensor for name, tensor in original.items() if not name.endswith("logit_scale")}
    assert stored.keys() == used.keys()
    assert all(torch.equal(stored[name], tensor.half()) for name, tensor in used.items())


def test_openclips_names_are_the_inverse_of_its_layout() -> None:
    text = draw_family(families.SD2).texts[0]
    stored = open_clip.released(text)
    sources = open_clip.layout({name: tuple(tensor.shape) for name, tensor in stored.items()})
    assert {name: source.arrange(stored[source.name]).tolist() for name, source in sources.items()} == {
        name: tensor.tolist() for name, tensor in text.items()
    }


def test_networks_text_encoders_and_vaes_are_saved_for_their_loaders(tmp_path: Path) -> None:
    studio = studio_in(tmp_path)
    write_family(tmp_path / "checkpoints" / "a.safetensors", families.SD1)
    model, clip, vae = load_from(studio, "a.safetensors")
    ctx = studio.context
    model_save(model=model, ctx=ctx)
    (name,) = keep(studio, "diffusion_models")
    assert same(unet_loader(unet_name=name, weight_dtype="default", ctx=ctx).handle, model.handle)
    clip_save(clip=clip, ctx=ctx)
    (name,) = keep(studio, "text_encoders")
    assert name == "ComfyUI_clip_l.safetensors"
    assert same(clip_loader(clip_name=name, type="stable_diffusion", ctx=ctx).handle, clip.handle)
    vae_save(vae=vae, ctx=ctx)
    (name,) = keep(studio, "vae")
    assert same(vae_loader(vae_name=name, ctx=ctx).handle, vae.handle)


def test_sdxls_encoders_are_saved_one_by_one(tmp_path: Path) -> None:
    studio = studio_in(tmp_path)
    write_family(tmp_path / "checkpoints" / "a.safetensors", families.SDXL)
    _, clip, _ = load_from(studio, "a.safetensors")
    clip_save(clip=clip, filename_prefix="clip/mine", ctx=studio.context)
    names = ["mine_clip_l", "mine_clip_g"]
    assert [file.prefix for file in studio.context.files] == [f"clip/{name}" for name in names]
    weights = draw_family(families.SDXL).texts
    for file, text in zip(studio.context.files, weights, strict=True):
        stored = load(file.content)
        assert {name.removeprefix("text_model.") for name in stored} == text.keys()
        assert torch.equal(stored["text_model.final_layer_norm.bias"], text["final_layer_norm.bias"])


@pytest.mark.parametrize(
    "parametrisation",
    [
        Parametrisation("v"),
        Parametrisation("v", is_zero_terminal=True),
        Parametrisation("eps"),
        Parametrisation("v", "logarithmic", sigma_min=0.5, sigma_max=80.0),
    ],
)
def test_what_is_predicted_is_saved_too(tmp_path: Path, parametrisation: Parametrisation) -> None:
    studio = studio_in(tmp_path)
    save_file(draw_checkpoint(TINY), tmp_path / "checkpoints" / "a.safetensors")
    model = replace(load_from(studio, "a.safetensors")[0], parametrisation=parametrisation)
    model_save(model=model, ctx=studio.context)
    (name,) = keep(studio, "diffusion_models")
    loaded = unet_loader(unet_name=name, weight_dtype="default", ctx=studio.context)
    assert loaded.parametrisation == parametrisation


def test_the_file_carries_prompt_and_workflow(tmp_path: Path) -> None:
    studio = studio_in(tmp_path)
    save_file(draw_checkpoint(TINY), tmp_path / "checkpoints" / "a.safetensors")
    services = replace(studio.context.services, prompt={"1": "p"}, workflow={"w": 2})
    ctx = replace(studio.context, services=services)
    vae_save(vae=load_from(studio, "a.safetensors")[2], ctx=ctx)
    (tmp_path / "vae" / "a.safetensors").write_bytes(ctx.files[0].content)
    metadata = read_header(tmp_path / "vae" / "a.safetensors").metadata
    assert metadata == {"prompt": '{"1": "p"}', "workflow": '{"w": 2}'}


def test_a_checkpoint_is_not_made_of_two_families(tmp_path: Path) -> None:
    studio = studio_in(tmp_path)
    write_family(tmp_path / "checkpoints" / "a.safetensors", families.SD1)
    write_family(tmp_path / "checkpoints" / "b.safetensors", families.SD2)
    model, _, vae = load_from(studio, "a.safetensors")
    _, clip, _ = load_from(studio, "b.safetensors")
    with pytest.raises(
        BadInput, match=r"of Stable Diffusion 1\.x needs its own text encoder, not one of .*2\.x"
    ):
        checkpoint_save(model=model, clip=clip, vae=vae, ctx=studio.context)
