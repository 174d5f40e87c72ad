"""Tiled decoding and encoding with the demo model's autoencoder, which knows pictures."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.api import DEMO_MODELS
from engine.demo.world import draw, sample_scene
from engine.errors import BadInput
from engine.graph.events import Progress
from engine.graph.kinds import Image, Latent, Vae
from engine.models.kl_vae import KlVae
from engine.nodes.latent import vae_decode, vae_encode
from engine.nodes.latent_tiled import tiles_of, vae_decode_tiled, vae_encode_tiled
from engine.nodes.loaders import checkpoint_loader_simple
from engine.nodes.tiling import Tiles
from tests.engine.nodes.studio import Studio

# Tiles see less of the picture around, and the autoencoder's norms measure each tile by itself: a hundredth.
NEAR = 0.015


@pytest.fixture
def studio() -> Studio:
    return Studio(DEMO_MODELS)


@pytest.fixture
def vae(studio: Studio) -> Vae:
    return checkpoint_loader_simple(ckpt_name="demo.safetensors", ctx=studio.context)[2]


@pytest.fixture(scope="module")
def picture() -> Image:
    """Four scenes, 256 × 256."""
    rng = np.random.default_rng(5)
    scenes = [draw(sample_scene(rng, setting=("gradient", "flat"))) for _ in range(4)]
    rows = [np.concatenate(scenes[start : start + 2], axis=1) for start in (0, 2)]
    return Image(torch.from_numpy(np.concatenate(rows)).float()[None] / 255)


@pytest.fixture
def latent(picture: Image, vae: Vae, studio: Studio) -> Latent:
    return vae_encode(pixels=picture, vae=vae, ctx=studio.context)


def test_tiles_give_the_picture_without_their_borders(latent: Latent, vae: Vae, studio: Studio) -> None:
    whole = vae_decode(samples=latent, vae=vae, ctx=studio.context).pixels
    tiled = vae_decode_tiled(samples=latent, vae=vae, tile_size=128, overlap=32, ctx=studio.context).pixels
    assert tiled.shape == whole.shape
    assert (tiled - whole).abs().mean() < NEAR
    # Nowhere inside, and so not where tiles begin or end, is there a step that a screen of 8 bits would show.
    steps = (tiled - whole).diff(dim=2).abs().mean(dim=(0, 1, 3))
    assert steps[4:-4].max() < 2 / 255


def test_tiles_give_the_latent(picture: Image, latent: Latent, vae: Vae, studio: Studio) -> None:
    tiled = vae_encode_tiled(pixels=picture, vae=vae, tile_size=128, overlap=32, ctx=studio.context).samples
    assert tiled.shape == latent.samples.shape
    assert show_the_same(tiled, latent.samples, vae, studio)


def show_the_same(made: Tensor, expected: Tensor, vae: Vae, studio: Studio) -> bool:
    """Whether two latents are nearly the same picture."""
    pixels = [vae_decode(samples=Latent(x), vae=vae, ctx=studio.context).pixels for x in (made, expected)]
    return bool((pixels[0] - pixels[1]).abs().mean() < NEAR)


def test_a_picture_within_one_tile_is_decoded_as_a_whole(latent: Latent, vae: Vae, studio: Studio) -> None:
    whole = vae_decode(samples=latent, vae=vae, ctx=studio.context).pixels
    # Three times the same, and their mean: the last bits.
    tiled = vae_decode_tiled(samples=latent, vae=vae, tile_size=1024, ctx=studio.context).pixels
    torch.testing.assert_close(tiled, whole, atol=1e-6, rtol=0)


def test_tiles_are_reported(latent: Latent, vae: Vae, studio: Studio) -> None:
    vae_decode_tiled(samples=latent, vae=vae, tile_size=128, overlap=32, ctx=studio.context)
    told = [(event.value, event.total) for event in studio.events if isinstance(event, Progress)]
    assert told[-1] == (len(told), len(told))
    assert len(told) > 12


def test_an_overlap_beyond_a_quarter_counts_as_a_quarter(vae: Vae) -> None:
    assert tiles_of(512, 64, vae) == Tiles(64, 64, 8)
    assert tiles_of(64, 4096, vae) == Tiles(8, 8, 2)


def fail_beyond(monkeypatch: pytest.MonkeyPatch, name: str, side: int) -> list[int]:
    """Let the autoencoder run out of memory for more than so many cells; the sides that it was asked for."""
    run, asked = getattr(KlVae, name), list[int]()

    def run_or_fail(module: KlVae, x: Tensor) -> Tensor:
        asked.append(max(x.shape[-2:]))
        if x.shape[-1] * x.shape[-2] > side**2:
            raise torch.OutOfMemoryError
        return run(module, x)

    monkeypatch.setattr(KlVae, name, run_or_fail)
    return asked


def test_where_memory_runs_out_tiles_are_decoded(
    latent: Latent, vae: Vae, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = vae_decode(samples=latent, vae=vae, ctx=studio.context).pixels
    asked = fail_beyond(monkeypatch, "decode", 16)
    tiled = vae_decode(samples=latent, vae=vae, ctx=studio.context).pixels
    assert asked[0] == 32
    assert (tiled - whole).abs().mean() < NEAR


def test_where_memory_runs_out_tiles_are_encoded(
    picture: Image, latent: Latent, vae: Vae, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_beyond(monkeypatch, "encode", 128)
    tiled = vae_encode(pixels=picture, vae=vae, ctx=studio.context).samples
    assert show_the_same(tiled, latent.samples, vae, studio)


def test_where_no_tile_fits_the_lack_of_memory_is_told(
    latent: Latent, vae: Vae, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_beyond(monkeypatch, "decode", 1)
    with pytest.raises(torch.OutOfMemoryError):
        vae_decode(samples=latent, vae=vae, ctx=studio.context)


def test_a_latent_of_another_family_is_refused(latent: Latent, vae: Vae, studio: Studio) -> None:
    wrong: Any = replace(latent, samples=torch.zeros(1, 16, 8, 8))
    with pytest.raises(BadInput, match="latent has 16 channels, this VAE decodes 4"):
        vae_decode_tiled(samples=wrong, vae=vae, ctx=studio.context)
