from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import BadInput, UnsupportedCheckpoint
from engine.graph.kinds import Clip, Model, Parametrisation, Vae
from engine.nodes.conditioning import clip_text_encode
from engine.nodes.model_loaders import (
    checkpoint_loader,
    clip_loader,
    dual_clip_loader,
    unet_loader,
    vae_loader,
)
from tests.engine.nodes.studio import Studio
from tests.engine.oracles import families
from tests.engine.oracles.diffusers_sd import build_unet, build_vae, relative_error
from tests.engine.oracles.families import (
    TinyFamily,
    draw,
    draw_family,
    in_transformers_layout,
    open_clip_names,
    write_family,
)

XL = draw_family(families.SDXL)


def save(folder: Path, kind: str, tensors: dict[str, Tensor], name: str = "part.safetensors") -> Studio:
    (folder / kind).mkdir(parents=True, exist_ok=True)
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, folder / kind / name)
    return Studio(folder)


def predict(studio: Studio, model: Model, vector: Tensor | None) -> Tensor:
    config: Any = model.handle.config
    generator = torch.Generator().manual_seed(3)
    x, text = (
        torch.randn(shape, generator=generator) for shape in ((1, 4, 8, 8), (1, 77, config.context_width))
    )
    with torch.inference_mode(), studio.pool.lease(model.handle) as unet:
        return unet(x, torch.tensor([400]), text, vector)


def in_checkpoint(folder: Path, family: TinyFamily) -> tuple[Studio, Model, Clip, Vae]:
    """The same weights in a checkpoint."""
    (folder / "checkpoints").mkdir(parents=True)
    write_family(folder / "checkpoints" / "tiny.safetensors", family)
    studio = Studio(folder)
    return studio, *studio.load()


@pytest.mark.parametrize("family", [families.SD1, families.SD2, families.SDXL, families.REFINER])
@pytest.mark.parametrize("layout", ["released", "bare", "diffusers"])
def test_a_network_by_itself_is_the_one_in_the_checkpoint(
    tmp_path: Path, family: TinyFamily, layout: str
) -> None:
    weights = draw_family(family).unet
    theirs: Any = build_unet(family.unet, weights)
    layouts = {
        "released": {families.UNET + name: tensor for name, tensor in weights.items()},
        "bare": weights,
        "diffusers": theirs.state_dict(),
    }
    studio = save(tmp_path, "diffusion_models", layouts[layout])
    model = unet_loader(unet_name="part.safetensors", weight_dtype="default", ctx=studio.context)
    reference, whole, _, _ = in_checkpoint(tmp_path / "whole", family)
    width = family.unet.vector_width
    vector = None if width is None else torch.ones(1, width)
    assert model.handle.family == family.name
    assert torch.equal(predict(studio, model, vector), predict(reference, whole, vector))


@pytest.mark.parametrize("name", ["fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"])
def test_weights_can_be_rounded_to_eight_bits(tmp_path: Path, name: Any) -> None:
    studio = save(tmp_path, "diffusion_models", XL.unet)
    dtype = torch.float8_e5m2 if name == "fp8_e5m2" else torch.float8_e4m3fn
    model = unet_loader(unet_name="part.safetensors", weight_dtype=name, ctx=studio.context)
    rounded = {key: value.to(dtype).float() if value.ndim > 1 else value for key, value in XL.unet.items()}
    reference = save(tmp_path / "rounded", "diffusion_models", rounded)
    expected = unet_loader(unet_name="part.safetensors", weight_dtype="default", ctx=reference.context)
    vector = torch.ones(1, 2816)
    assert torch.equal(predict(studio, model, vector), predict(reference, expected, vector))


@pytest.mark.parametrize("spread", [0.03, 0.3])
def test_a_network_of_sd_2_is_told_by_the_spread_of_its_biases(tmp_path: Path, spread: float) -> None:
    family = families.SD2 if spread < 0.09 else families.SD2_V
    studio = save(tmp_path, "diffusion_models", draw_family(family).unet)
    model = unet_loader(unet_name="part.safetensors", weight_dtype="default", ctx=studio.context)
    assert model.parametrisation == Parametrisation("eps" if spread < 0.09 else "v")


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ({"v_pred": torch.zeros(0)}, Parametrisation("v")),
        ({"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}, Parametrisation("v", is_zero_terminal=True)),
        (
            {"edm_vpred.sigma_max": torch.tensor(80.0), "edm_vpred.sigma_min": torch.tensor(0.01)},
            Parametrisation("v", "logarithmic", sigma_min=float(torch.tensor(0.01)), sigma_max=80.0),
        ),
        ({}, None),
    ],
)
def test_marks_in_the_file_say_what_is_predicted(
    tmp_path: Path, marks: dict[str, Tensor], expected: Parametrisation | None
) -> None:
    studio = save(tmp_path, "diffusion_models", XL.unet | marks)
    model = unet_loader(unet_name="part.safetensors", weight_dtype="default", ctx=studio.context)
    assert model.parametrisation == expected


def test_metadata_say_what_is_predicted(tmp_path: Path) -> None:
    (tmp_path / "diffusion_models").mkdir()
    weights = draw_family(families.SD2).unet
    save_file(weights, tmp_path / "diffusion_models" / "part.safetensors", {"modelspec.prediction_type": "v"})
    studio = Studio(tmp_path)
    model = unet_loader(unet_name="part.safetensors", weight_dtype="default", ctx=studio.context)
    assert model.parametrisation == Parametrisation("v")


@pytest.mark.parametrize("layout", ["released", "bare", "diffusers"])
def test_a_vae_by_itself_decodes_as_in_the_checkpoint(tmp_path: Path, layout: str) -> None:
    theirs: Any = build_vae(families.SDXL.vae, XL.vae)
    layouts = {
        "released": {families.VAE + name: tensor for name, tensor in XL.vae.items()},
        "bare": XL.vae,
        "diffusers": theirs.state_dict(),
    }
    studio = save(tmp_path, "vae", layouts[layout])
    vae = vae_loader(vae_name="part.safetensors", ctx=studio.context)
    latent = torch.randn(1, 4, 8, 8)
    with torch.inference_mode(), studio.pool.lease(vae.handle) as module:
        ours: Any = module
        assert relative_error(ours.decode(latent), theirs.decode(latent).sample) < 1e-5
        pixels = torch.rand(1, 3, 64, 64) * 2 - 1
        assert relative_error(ours.encode(pixels), theirs.encode(pixels).latent_dist.mean) < 1e-5


def encoder(layers: int, width: int = 64) -> dict[str, Tensor]:
    """A narrow encoder with as many layers as a released one, in the module's names."""
    config = families.SDXL.texts[1].config
    narrow = type(config)(50_000, 77, width, 32, layers, 1, "gelu", 1280)
    with torch.device("meta"):
        module = narrow.build()
    return draw(module, "clip.")


@pytest.mark.parametrize(("layers", "family"), [(12, "sd1"), (23, "sd2"), (24, "sd2"), (32, "sdxl_refiner")])
@pytest.mark.parametrize("layout", ["transformers", "open_clip"])
def test_a_text_encoder_is_told_by_its_layers(tmp_path: Path, layers: int, family: str, layout: str) -> None:
    weights = encoder(layers)
    stored = in_transformers_layout(weights) if layout == "transformers" else open_clip_names(weights, layers)
    studio = save(tmp_path, "text_encoders", stored)
    clip = clip_loader(clip_name="part.safetensors", type="stable_diffusion", ctx=studio.context)
    assert (clip.handle.family, clip.last_layer) == (family, -1 if layers == 23 else None)


def test_both_layouts_of_an_encoder_encode_the_same(tmp_path: Path) -> None:
    weights = encoder(32)
    stored = [in_transformers_layout(weights), open_clip_names(weights, 32)]
    texts: list[Tensor] = []
    for number, tensors in enumerate(stored):
        studio = save(tmp_path, "text_encoders", tensors, f"{number}.safetensors")
        clip = clip_loader(clip_name=f"{number}.safetensors", type="stable_diffusion", ctx=studio.context)
        (entry,) = clip_text_encode(text="a (red:1.3) cat", clip=clip, ctx=studio.context).entries
        assert entry.pooled is not None
        texts.append(torch.cat([entry.cond[0], entry.pooled[:, :64]]))
    assert torch.equal(*texts)


def test_h_without_its_last_layer_encodes_as_the_whole_one(tmp_path: Path) -> None:
    whole = encoder(24)
    cut = {name: tensor for name, tensor in whole.items() if ".layers.23." not in name}
    texts: list[Tensor] = []
    for number, weights in enumerate((whole, cut)):
        name = f"{number}.safetensors"
        studio = save(tmp_path, "text_encoders", in_transformers_layout(weights), name)
        clip = clip_loader(clip_name=name, type="stable_diffusion", ctx=studio.context)
        texts.append(clip_text_encode(text="a cat", clip=clip, ctx=studio.context).entries[0].cond)
    assert torch.equal(*texts)


@pytest.mark.parametrize("order", [("l.safetensors", "g.safetensors"), ("g.safetensors", "l.safetensors")])
def test_sdxls_encoders_come_in_any_order(tmp_path: Path, order: tuple[str, str]) -> None:
    save(tmp_path, "text_encoders", in_transformers_layout(XL.texts[0]), "l.safetensors")
    studio = save(tmp_path, "text_encoders", open_clip_names(encoder(32), 32), "g.safetensors")
    clip = dual_clip_loader(clip_name1=order[0], clip_name2=order[1], type="sdxl", ctx=studio.context)
    assert clip.second is not None
    assert [clip.handle.path.name, clip.second.path.name] == ["l.safetensors", "g.safetensors"]
    entry = clip_text_encode(text="a cat", clip=clip, ctx=studio.context).entries[0]
    assert entry.cond.shape == (1, 77, 48 + 64)


def test_two_encoders_of_one_kind_are_refused(tmp_path: Path) -> None:
    studio = save(tmp_path, "text_encoders", in_transformers_layout(XL.texts[0]), "l.safetensors")
    with pytest.raises(BadInput, match=r"SDXL takes CLIP-L and OpenCLIP's bigG; l\.safetensors"):
        dual_clip_loader(
            clip_name1="l.safetensors", clip_name2="l.safetensors", type="sdxl", ctx=studio.context
        )


def test_bigg_without_its_projection_is_refused(tmp_path: Path) -> None:
    weights = encoder(32)
    del weights["text_projection.weight"]
    studio = save(tmp_path, "text_encoders", in_transformers_layout(weights))
    with pytest.raises(BadInput, match=r"lacks the tensor 'text_projection\.weight'"):
        clip_loader(clip_name="part.safetensors", type="stable_diffusion", ctx=studio.context)


def test_longclip_takes_texts_of_248_tokens_in_one_piece(tmp_path: Path) -> None:
    config = type(families.SD1.texts[0].config)(49_408, 248, 48, 80, 3, 1)
    with torch.device("meta"):
        module = config.build()
    studio = save(tmp_path, "text_encoders", in_transformers_layout(draw(module, "long.")))
    clip = clip_loader(clip_name="part.safetensors", type="stable_diffusion", ctx=studio.context)
    entry = clip_text_encode(text="word " * 200, clip=clip, ctx=studio.context).entries[0]
    assert entry.cond.shape == (1, 248, 48)


def test_a_vae_is_no_text_encoder(tmp_path: Path) -> None:
    studio = save(tmp_path, "text_encoders", XL.vae)
    with pytest.raises(UnsupportedCheckpoint, match="the text encoder is missing"):
        clip_loader(clip_name="part.safetensors", type="stable_diffusion", ctx=studio.context)


@pytest.mark.parametrize(
    ("name", "prediction", "layer"),
    [
        ("v1-inference.yaml", "eps", None),
        ("v1-inference_clip_skip_2.yaml", "eps", -2),
        ("v2-inference-v.yaml", "v", None),
    ],
)
def test_a_configuration_overrides_what_the_file_seems_to_be(
    studio: Studio, name: str, prediction: Any, layer: int | None
) -> None:
    model, clip, _ = checkpoint_loader(config_name=name, ckpt_name="tiny.safetensors", ctx=studio.context)
    assert (model.parametrisation, clip.last_layer) == (Parametrisation(prediction), layer)


def test_files_in_the_folders_former_names_are_found(tmp_path: Path) -> None:
    studio = save(tmp_path, "unet", XL.unet)
    model = unet_loader(unet_name="part.safetensors", weight_dtype="default", ctx=studio.context)
    assert model.handle.family == "sdxl"
