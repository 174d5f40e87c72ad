"""The whole chain of each family, from a checkpoint in the released layout to pixels, against diffusers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.graph.kinds import Conditioning, Latent, Vae
from engine.nodes.conditioning import clip_text_encode
from engine.nodes.latent import vae_decode
from engine.nodes.loaders import checkpoint_loader_simple
from engine.nodes.sampling import ksampler
from engine.nodes.sdxl import clip_set_last_layer, clip_text_encode_sdxl, clip_text_encode_sdxl_refiner
from tests.engine.nodes.studio import Studio
from tests.engine.oracles import families
from tests.engine.oracles.diffusers_sd import relative_error
from tests.engine.oracles.families import Setting, TinyFamily, draw_family, run_chain, write_family

# Both sides compute in float32; errors of the order of its precision grow over four steps.
TOLERANCE = 1e-4
EMPTY = Latent(torch.zeros(1, 4, 8, 8))


def studio_with(folder: Path, family: TinyFamily, dtype: torch.dtype = torch.float32) -> Studio:
    (folder / "checkpoints").mkdir()
    write_family(folder / "checkpoints" / "tiny.safetensors", family, dtype)
    return Studio(folder)


def run(studio: Studio, setting: Setting, latent: Latent = EMPTY, **changes: Any) -> tuple[Latent, Vae]:
    """Our latent, with prompts encoded by CLIPTextEncode unless `changes` has conditioning."""
    model, clip, vae = studio.load()
    if setting.last_layer is not None:
        clip = clip_set_last_layer(clip=clip, stop_at_clip_layer=setting.last_layer)
    texts = {"positive": setting.positive, "negative": setting.negative}
    sides: dict[str, Any] = {
        side: clip_text_encode(text=text, clip=clip, ctx=studio.context)
        for side, text in texts.items()
        if side not in changes
    }
    made = ksampler(
        model=model,
        seed=setting.seed,
        steps=setting.steps,
        cfg=setting.cfg,
        sampler_name="euler",
        scheduler="normal",
        latent_image=latent,
        ctx=studio.context,
        **(sides | changes),
    )
    return made, vae


# Told nothing, SDXL takes the picture to be whole and of the latent's size.
WHOLE = (64.0, 64.0, 0.0, 0.0)
CASES = [
    pytest.param(families.SD1, Setting(), id="sd1"),
    pytest.param(families.SD1, Setting(last_layer=-2), id="sd1, clip skip"),
    pytest.param(families.SD2, Setting(), id="sd2"),
    pytest.param(families.SD2_V, Setting(), id="sd2, velocity"),
    pytest.param(families.SDXL, Setting(numbers=((*WHOLE, 64.0, 64.0),) * 2), id="sdxl"),
    pytest.param(
        families.SDXL, Setting(numbers=((*WHOLE, 64.0, 64.0),) * 2, last_layer=-3), id="sdxl, clip skip"
    ),
    pytest.param(families.SSD, Setting(numbers=((*WHOLE, 64.0, 64.0),) * 2), id="reduced sdxl"),
    pytest.param(families.REFINER, Setting(numbers=((*WHOLE, 6.0), (*WHOLE, 2.5))), id="refiner"),
]


@pytest.mark.parametrize(("family", "setting"), CASES)
def test_a_prompt_becomes_the_picture_that_diffusers_makes(
    tmp_path: Path, family: TinyFamily, setting: Setting
) -> None:
    studio = studio_with(tmp_path, family)
    latent, vae = run(studio, setting)
    pixels = vae_decode(samples=latent, vae=vae, ctx=studio.context).pixels
    expected_latent, expected_pixels = run_chain(family, draw_family(family), setting)
    assert relative_error(latent.samples, expected_latent) < TOLERANCE
    assert relative_error(pixels, expected_pixels) < TOLERANCE


def test_sdxl_is_told_the_sizes_and_two_texts(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.SDXL)
    clip = studio.load()[1]

    def encode(text: str, **sizes: int) -> Conditioning:
        return clip_text_encode_sdxl(clip=clip, text_g=text, text_l=text, ctx=studio.context, **sizes)

    setting = Setting(
        numbers=((480.0, 640.0, 16.0, 32.0, 512.0, 768.0), (1024.0, 1024.0, 0.0, 0.0, 256.0, 128.0))
    )
    positive = encode(
        setting.positive, width=640, height=480, crop_w=32, crop_h=16, target_width=768, target_height=512
    )
    negative = encode(setting.negative, target_width=128, target_height=256)
    latent, _ = run(studio, setting, positive=positive, negative=negative)
    expected, _ = run_chain(families.SDXL, draw_family(families.SDXL), setting)
    assert relative_error(latent.samples, expected) < TOLERANCE


def test_the_refiner_is_told_a_score(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.REFINER)
    clip = studio.load()[1]
    sides = {
        side: clip_text_encode_sdxl_refiner(
            ascore=score, width=640, height=480, text=text, clip=clip, ctx=studio.context
        )
        for side, score, text in (("positive", 7.5, Setting.positive), ("negative", 1.5, Setting.negative))
    }
    setting = Setting(numbers=((480.0, 640.0, 0.0, 0.0, 7.5), (480.0, 640.0, 0.0, 0.0, 1.5)))
    latent, _ = run(studio, setting, **sides)
    expected, _ = run_chain(families.REFINER, draw_family(families.REFINER), setting)
    assert relative_error(latent.samples, expected) < TOLERANCE


def test_each_of_sdxls_encoders_has_a_prompt_of_its_own(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.SDXL)
    clip = studio.load()[1]

    def encode(text_l: str, text_g: str) -> torch.Tensor:
        made = clip_text_encode_sdxl(clip=clip, text_g=text_g, text_l=text_l, ctx=studio.context)
        return made.entries[0].cond

    long = "word " * 100
    both, left, right = encode("a cat", long), encode("a cat", ""), encode("", long)
    assert both.shape == (1, 2 * 77, 48 + 64)
    assert torch.equal(both[:, :77, :48], left[:, :, :48])
    assert torch.equal(both[:, :, 48:], right[:, :, 48:])


def test_half_precision_files_come_near_the_exact_picture(tmp_path: Path) -> None:
    setting = Setting(numbers=((*WHOLE, 64.0, 64.0),) * 2)
    latent, _ = run(studio_with(tmp_path, families.SDXL, torch.float16), setting)
    expected, _ = run_chain(families.SDXL, draw_family(families.SDXL), setting)
    # Weights of 11 bits, computed with in float32.
    assert 1e-6 < relative_error(latent.samples, expected) < 0.02


def test_a_file_says_what_it_predicts(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.SD2_V)
    model, _, _ = checkpoint_loader_simple(ckpt_name="tiny.safetensors", ctx=studio.context)
    assert model.parametrisation is not None
    assert model.parametrisation.prediction == "v"


def shown(entries: Conditioning, **channels: torch.Tensor) -> Conditioning:
    return Conditioning(tuple(replace(entry, **channels) for entry in entries.entries))


def sides_of(studio: Studio) -> list[Conditioning]:
    return [studio.encode(text) for text in (Setting.positive, Setting.negative)]


def test_an_inpainting_network_is_shown_mask_and_picture(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.SD1_INPAINT)
    picture, mask = torch.randn(1, 4, 8, 8), torch.zeros(1, 64, 64)
    mask[:, :, 24:] = 1
    positive, negative = (shown(side, concat_latent=picture, concat_mask=mask) for side in sides_of(studio))
    latent, _ = run(studio, Setting(), positive=positive, negative=negative)
    channels = torch.cat([mask[:, None, ::8, ::8], picture * families.SD1.scale], dim=1)
    expected, _ = run_chain(
        families.SD1_INPAINT, draw_family(families.SD1_INPAINT), Setting(channels=channels)
    )
    assert relative_error(latent.samples, expected) < TOLERANCE


def test_an_inpainting_network_without_a_picture_is_shown_grey(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.SD1_INPAINT)
    grey = torch.tensor([1.0, 0.8223, -0.6876, 0.6364, 0.1380])[None, :, None, None].expand(1, -1, 8, 8)
    expected, _ = run_chain(families.SD1_INPAINT, draw_family(families.SD1_INPAINT), Setting(channels=grey))
    assert relative_error(run(studio, Setting())[0].samples, expected) < TOLERANCE


def test_a_network_that_follows_instructions_is_shown_the_vaes_latent(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.SD1_PIX2PIX)
    picture = torch.randn(1, 4, 8, 8)
    positive, negative = (shown(side, concat_latent=picture) for side in sides_of(studio))
    latent, _ = run(studio, Setting(), positive=positive, negative=negative)
    expected, _ = run_chain(
        families.SD1_PIX2PIX, draw_family(families.SD1_PIX2PIX), Setting(channels=picture)
    )
    assert relative_error(latent.samples, expected) < TOLERANCE
