"""LoRA files against the sum of matrices written into the checkpoint."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import Clip, Latent, Model
from engine.models.diffusers_layout import unet_names_in_diffusers
from engine.nodes.conditioning import clip_text_encode
from engine.nodes.lora import lora_loader, lora_loader_model_only
from engine.residency.handle import Handle
from engine.residency.weights import open_weights, sources_of
from tests.engine.nodes.studio import Studio
from tests.engine.oracles import families
from tests.engine.oracles.families import TinyFamily, Weights, draw_family, in_released_layout
from tests.engine.prompts import CHECKPOINT

RANK = 2
# One module of each kind: linear and convolution, of attention, of a residual block, of the way up.
MODULES = (
    "input_blocks.1.0.in_layers.2",
    "input_blocks.3.1.transformer_blocks.0.attn1.to_out.0",
    "middle_block.1.proj_in",
    "output_blocks.2.1.transformer_blocks.0.ff.net.0.proj",
    "time_embed.0",
    "out.2",
)
TEXT_MODULES = ("encoder.layers.0.self_attn.q_proj", "encoder.layers.2.mlp.fc2")


def draw(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def factors(weight: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """(up, down) for that matrix or kernel."""
    up = draw((weight.shape[0], RANK, *(1 for _ in weight.shape[2:])), seed)
    return up, 0.1 * draw((RANK, *weight.shape[1:]), seed + 1)


def product(up: Tensor, down: Tensor) -> Tensor:
    return (up.flatten(1) @ down.flatten(1)).reshape(len(up), *down.shape[1:])


def studio_of(
    folder: Path, family: TinyFamily, weights: Weights, loras: dict[str, dict[str, Tensor]]
) -> Studio:
    for kind in ("checkpoints", "loras"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    save_file(in_released_layout(family, weights), folder / "checkpoints" / CHECKPOINT)
    for name, tensors in loras.items():
        save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "loras" / name)
    return Studio(folder)


def read_all(handle: Handle) -> dict[str, Tensor]:
    with open_weights(handle, torch.device("cpu")) as weights:
        return {name: weights.read(name).clone() for name in sources_of(handle)}


def load(studio: Studio, name: str = "a.safetensors", **changes: Any) -> tuple[Model, Clip]:
    model, clip, _ = studio.load()
    settings = {"model": model, "clip": clip, "lora_name": name} | changes
    return lora_loader(ctx=studio.context, **settings)


def flat(name: str) -> str:
    return name.replace(".", "_")


SPELLINGS: dict[str, Callable[[str, str], tuple[str, str, str]]] = {
    "kohya": lambda ours, theirs: (f"lora_unet_{flat(theirs)}", ".lora_up.weight", ".lora_down.weight"),
    "kohya, released names": lambda ours, theirs: (
        f"lora_unet_{flat(ours)}",
        ".lora_up.weight",
        ".lora_down.weight",
    ),
    "PEFT": lambda ours, theirs: (f"unet.{theirs}", ".lora_B.weight", ".lora_A.weight"),
    "diffusers": lambda ours, theirs: (f"unet.{theirs}", ".lora.up.weight", ".lora.down.weight"),
    "bare": lambda ours, theirs: (f"diffusion_model.{ours}", ".lora_up.weight", ".lora_down.weight"),
}


@pytest.mark.parametrize("family", [families.SD1, families.SD2, families.SDXL])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_file_in_any_spelling_adds_its_products(tmp_path: Path, family: TinyFamily, spelling: str) -> None:
    weights = draw_family(family)
    theirs = unet_names_in_diffusers(weights.unet)
    file: dict[str, Tensor] = {}
    expected = dict(weights.unet)
    for number, module in enumerate(name for name in MODULES if f"{name}.weight" in weights.unet):
        weight = weights.unet[f"{module}.weight"]
        up, down = factors(weight, number)
        stem, up_end, down_end = SPELLINGS[spelling](
            module, theirs[f"{module}.weight"].removesuffix(".weight")
        )
        file |= {stem + up_end: up, stem + down_end: down}
        expected[f"{module}.weight"] = weight + 0.5 * product(up, down)
    model, _ = load(studio_of(tmp_path, family, weights, {"a.safetensors": file}), strength_model=0.5)
    found = read_all(model.handle)
    assert len(file) >= 10
    for name, tensor in expected.items():
        # The same few float32 products and sums.
        torch.testing.assert_close(found[name], tensor, rtol=1e-5, atol=1e-6)


TEXTS = [
    (families.SD1, 0, "lora_te_text_model_"),
    (families.SD2, 0, "lora_te_text_model_"),
    (families.SDXL, 0, "lora_te1_text_model_"),
    (families.SDXL, 1, "lora_te2_text_model_"),
    (families.SDXL, 0, "text_encoder.text_model."),
    (families.SDXL, 1, "text_encoder_2.text_model."),
]


@pytest.mark.parametrize(("family", "place", "prefix"), TEXTS)
def test_text_encoders_have_a_strength_of_their_own(
    tmp_path: Path, family: TinyFamily, place: int, prefix: str
) -> None:
    weights = draw_family(family)
    file, expected = {}, dict(weights.texts[place])
    for module in TEXT_MODULES:
        weight = expected[f"{module}.weight"]
        up, down = factors(weight)
        stem = prefix + (module if prefix.endswith(".") else flat(module))
        file |= {
            f"{stem}.lora_up.weight": up,
            f"{stem}.lora_down.weight": down,
            f"{stem}.alpha": torch.tensor(1.0),
        }
        expected[f"{module}.weight"] = weight - 2 * product(up, down) / RANK
    studio = studio_of(tmp_path, family, weights, {"a.safetensors": file})
    whole = studio.load()
    model, clip = load(studio, strength_model=7.0, strength_clip=-2.0)
    handles = [clip.handle, *([clip.second] if clip.second else [])]
    for name, tensor in expected.items():
        torch.testing.assert_close(read_all(handles[place])[name], tensor, rtol=1e-5, atol=1e-6)
    assert model == whole[0]
    assert [handle for number, handle in enumerate(handles) if number != place] == [
        handle
        for number, handle in enumerate((whole[1].handle, whole[1].second))
        if handle and number != place
    ]


SD1 = draw_family(families.SD1)
PROJECTION = "middle_block.1.proj_in.weight"
KOHYA = "lora_unet_mid_block_attentions_0_proj_in"


def kohya(seed: int = 0) -> dict[str, Tensor]:
    up, down = factors(SD1.unet[PROJECTION], seed)
    return {f"{KOHYA}.lora_up.weight": up, f"{KOHYA}.lora_down.weight": down}


def delta(seed: int = 0) -> Tensor:
    return product(*factors(SD1.unet[PROJECTION], seed))


def both(seed: int = 0) -> dict[str, Tensor]:
    """A change of the network and one of the text encoder."""
    up, down = factors(SD1.texts[0][f"{TEXT_MODULES[0]}.weight"], seed)
    stem = f"lora_te_text_model_{flat(TEXT_MODULES[0])}"
    return kohya(seed) | {f"{stem}.lora_up.weight": up, f"{stem}.lora_down.weight": down}


@pytest.fixture
def sd1(tmp_path: Path) -> Studio:
    loras = {"a.safetensors": both(), "b.safetensors": both(5), "unet.safetensors": kohya()}
    return studio_of(tmp_path, families.SD1, SD1, loras)


def test_loras_add_up(sd1: Studio) -> None:
    model, clip = load(sd1, strength_model=0.5)
    model, clip = load(sd1, "b.safetensors", model=model, clip=clip, strength_model=2.0)
    found = read_all(model.handle)[PROJECTION]
    torch.testing.assert_close(
        found, SD1.unet[PROJECTION] + 0.5 * delta() + 2 * delta(5), rtol=1e-5, atol=1e-6
    )


def test_strength_0_leaves_the_very_same_values(sd1: Studio) -> None:
    model, clip, _ = sd1.load()
    both_zero = load(sd1, model=model, clip=clip, strength_model=0.0, strength_clip=0.0)
    assert both_zero[0] is model
    assert both_zero[1] is clip
    assert load(sd1, model=model, clip=clip, strength_model=0.0)[0] is model
    assert load(sd1, model=model, clip=clip, strength_clip=0.0)[1] is clip
    same = lora_loader_model_only(model=model, lora_name="a.safetensors", strength_model=0.0, ctx=sd1.context)
    assert same is model


def test_the_model_only_node_does_what_the_other_does_to_the_model(sd1: Studio) -> None:
    model, clip, _ = sd1.load()
    alone = lora_loader_model_only(
        model=model, lora_name="a.safetensors", strength_model=0.7, ctx=sd1.context
    )
    assert alone == load(sd1, model=model, clip=clip, strength_model=0.7)[0]


def test_a_picture_with_a_lora_is_that_of_the_merged_checkpoint(sd1: Studio, tmp_path: Path) -> None:
    merged = dict(SD1.unet) | {PROJECTION: SD1.unet[PROJECTION] + delta()}
    module = f"{TEXT_MODULES[0]}.weight"
    text = dict(SD1.texts[0]) | {module: SD1.texts[0][module] + product(*factors(SD1.texts[0][module]))}
    reference = studio_of(tmp_path / "merged", families.SD1, Weights(merged, (text,), SD1.vae), {})
    latent = Latent(torch.zeros(1, 4, 8, 8))
    expected = reference.sample(latent).samples
    plain = sd1.sample(latent).samples
    model, clip = load(sd1)
    sides = {
        side: encode(sd1, clip, words) for side, words in (("positive", "a cat"), ("negative", "blurry"))
    }
    found = sd1.sample(latent, model=model, **sides).samples
    # The same arithmetic, merged here in float32 as there.
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(plain, expected, rtol=1e-2, atol=1e-2)
    assert torch.equal(sd1.sample(latent).samples, plain)


def encode(studio: Studio, clip: Clip, words: str) -> Any:

    return clip_text_encode(text=words, clip=clip, ctx=studio.context)


def test_a_file_for_nothing_here_is_refused_by_name_and_family(tmp_path: Path) -> None:
    studio = studio_of(
        tmp_path,
        families.SD1,
        SD1,
        {"flux.safetensors": {"lora_transformer_x.lora_up.weight": draw((2, 2), 0)}},
    )
    with pytest.raises(
        BadInput, match=r"flux\.safetensors: none of its tensors.*Stable Diffusion 1\.x.*lora_transformer_x"
    ):
        load(studio, "flux.safetensors")


def test_a_file_for_another_family_is_refused_by_name_and_shape(tmp_path: Path) -> None:
    up, down = draw((200, 2), 0), draw((2, 200), 0)
    file = {f"{KOHYA}.lora_up.weight": up, f"{KOHYA}.lora_down.weight": down}
    studio = studio_of(tmp_path, families.SD1, SD1, {"xl.safetensors": file})
    with pytest.raises(
        BadInput, match=r"xl\.safetensors was not made for Stable Diffusion 1\.x: it changes \[200, 200\]"
    ):
        load(studio, "xl.safetensors")


def test_what_fits_nothing_beside_what_fits_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    strange = {
        "lora_unet_strange.lora_up.weight": draw((2, 2), 0),
        "lora_unet_strange.lora_down.weight": draw((2, 2), 1),
    }
    bundled = {"bundle_emb.word.string_to_param.*": draw((1, 4), 0)}
    studio = studio_of(tmp_path, families.SD1, SD1, {"a.safetensors": kohya() | strange | bundled})
    with caplog.at_level(logging.WARNING):
        load(studio)
    (record,) = caplog.records
    assert record.getMessage() == (
        "a.safetensors: 2 tensors fit nothing in Stable Diffusion 1.x,"
        " the first is 'lora_unet_strange.lora_up.weight'"
    )


def test_the_text_encoders_part_is_nothing_strange_to_the_model_only_node(
    sd1: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        lora_loader_model_only(model=sd1.load()[0], lora_name="a.safetensors", ctx=sd1.context)
    assert caplog.records == []


def test_only_the_header_is_read_when_a_lora_is_chosen(sd1: Studio) -> None:
    load(sd1)
    assert sd1.pool.resident == ()
