import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save_file

from engine.errors import BadInput, UnsupportedCheckpoint, WeightsUnreadable
from engine.graph.kinds import Image, Latent
from engine.models.taesd import TaesdConfig
from engine.nodes.latent import vae_decode, vae_encode
from engine.nodes.model_loaders import vae_loader
from engine.nodes.model_saving import checkpoint_save, vae_save
from tests.engine.nodes.studio import Studio
from tests.engine.oracles.diffusers_sd import relative_error
from tests.engine.oracles.tiny_vae import build_tiny_vae, draw_tiny_vae, write_pair

SMALL = TaesdConfig(4, 8, 12)
WIDE = replace(SMALL, latent_channels=16)
KINDS = [
    pytest.param("taesd", SMALL, 0.18215, 0.0, id="taesd"),
    pytest.param("taesdxl", SMALL, 0.13025, 0.0, id="taesdxl"),
    pytest.param("taesd3", WIDE, 1.5305, 0.0609, id="taesd3"),
    pytest.param("taef1", WIDE, 0.3611, 0.1159, id="taef1"),
]


def studio_with(folder: Path, name: str, config: TaesdConfig = SMALL) -> Studio:
    write_pair(folder / "vae_approx", name, draw_tiny_vae(config))
    return Studio(folder)


@pytest.mark.parametrize(("name", "config", "scale", "shift"), KINDS)
def test_a_pair_decodes_and_encodes_as_diffusers_does(
    tmp_path: Path, name: str, config: TaesdConfig, scale: float, shift: float
) -> None:
    studio = studio_with(tmp_path, name, config)
    vae = vae_loader(vae_name=name, ctx=studio.context)
    theirs: Any = build_tiny_vae(config, draw_tiny_vae(config))
    latent, picture = torch.randn(2, config.latent_channels, 3, 5) / scale, torch.rand(1, 24, 16, 3)
    pixels = vae_decode(samples=Latent(latent), vae=vae, ctx=studio.context).pixels
    samples = vae_encode(pixels=Image(picture), vae=vae, ctx=studio.context).samples
    with torch.inference_mode():
        decoded = theirs.decode((latent - shift) * scale).sample.permute(0, 2, 3, 1)
        encoded = theirs.encode(picture.permute(0, 3, 1, 2) * 2 - 1).latents / scale + shift
    assert relative_error(pixels, (decoded / 2 + 0.5).clamp(0, 1)) < 1e-5
    assert relative_error(samples, encoded) < 1e-5


def test_it_is_offered_where_both_its_files_are(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, "taesd")
    write_pair(tmp_path / "vae_approx", "taesdxl", draw_tiny_vae(replace(SMALL, encoder_width=None)))
    assert studio.context.models.names("vae") == ["taesd"]


def test_a_missing_half_is_named(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, "taesd", replace(SMALL, encoder_width=None))
    with pytest.raises(WeightsUnreadable, match="no file 'taesd_encoder' in the models folder 'vae_approx'"):
        vae_loader(vae_name="taesd", ctx=studio.context)


def test_a_pair_for_other_latents_is_refused(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, "taesd", WIDE)
    with pytest.raises(BadInput, match=r"taesd_decoder\.safetensors is for latents of 16 channels"):
        vae_loader(vae_name="taesd", ctx=studio.context)


def test_an_encoder_is_no_decoder(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, "taesd")
    folder = tmp_path / "vae_approx"
    shutil.copy(folder / "taesd_encoder.safetensors", folder / "taesd_decoder.safetensors")
    with pytest.raises(UnsupportedCheckpoint, match=r"taesd_decoder\.safetensors: TAESD"):
        vae_loader(vae_name="taesd", ctx=studio.context)


def test_a_saved_pair_is_one_file_that_decodes_the_same(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, "taesd3", WIDE)
    pair = vae_loader(vae_name="taesd3", ctx=studio.context)
    vae_save(vae=pair, filename_prefix="vae/tiny", ctx=studio.context)
    (tmp_path / "vae").mkdir()
    tensors = load(studio.context.files[0].content)
    save_file(tensors, tmp_path / "vae" / "tiny.safetensors")
    whole = vae_loader(vae_name="tiny.safetensors", ctx=studio.context)
    latent = Latent(torch.randn(1, 16, 4, 4))
    found, expected = (
        vae_decode(samples=latent, vae=vae, ctx=studio.context).pixels for vae in (whole, pair)
    )
    # The file keeps scale and shift in float32.
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert len(tensors) == 136


def test_a_checkpoint_takes_no_tiny_vae(tmp_path: Path, models: Path) -> None:
    shutil.copytree(models / "checkpoints", tmp_path / "checkpoints")
    studio = studio_with(tmp_path, "taesd")
    model, clip, _ = studio.load()
    vae = vae_loader(vae_name="taesd", ctx=studio.context)
    with pytest.raises(BadInput, match="holds a whole VAE"):
        checkpoint_save(model=model, clip=clip, vae=vae, ctx=studio.context)
