import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy
import PIL.Image
import pytest
import torch
from torch import Tensor

from engine.graph.events import Preview, Progress
from engine.graph.kinds import Latent
from engine.models.taesd import TaesdConfig
from tests.engine.nodes.studio import Studio
from tests.engine.oracles.tiny_vae import build_tiny_vae, draw_tiny_vae, write_pair
from tests.engine.prompts import CHECKPOINT

DECODER = TaesdConfig(4, None, 8)
STEM = CHECKPOINT.removesuffix(".safetensors")
EMPTY = Latent(torch.zeros(1, 4, 6, 8))


@pytest.fixture
def folder(tmp_path: Path, models: Path) -> Path:
    """The tiny checkpoint in a models folder of its own."""
    (tmp_path / "checkpoints").mkdir()
    shutil.copy(models / "checkpoints" / CHECKPOINT, tmp_path / "checkpoints")
    return tmp_path


def last_preview(studio: Studio) -> tuple[Tensor, Tensor]:
    """What a run ends with, and its last preview (H, W, 3) in 0 … 255."""
    samples = studio.sample(EMPTY, steps=2).samples
    preview = [event for event in studio.events if isinstance(event, Preview)][-1]
    picture = PIL.Image.open(BytesIO(preview.jpeg))
    return samples, torch.from_numpy(numpy.array(picture)).float()


def by_taesd(samples: Tensor, seed: int) -> Tensor:
    """The same picture by diffusers, which wants an encoder beside the decoder."""
    whole = replace(DECODER, encoder_width=4)
    weights = draw_tiny_vae(whole, seed)
    with torch.inference_mode():
        decoded = build_tiny_vae(whole, weights).decoder(samples * 0.18215)
    return ((decoded[0] + 1) * 127.5).clamp(0, 255).permute(1, 2, 0)


def is_same(found: Tensor, expected: Tensor) -> bool:
    """JPEG keeps colours at half the resolution: the mean over 4 × 4 pixels stays within a few levels."""
    means = [part.unfold(0, 4, 4).unfold(1, 4, 4).mean(dim=(-1, -2)) for part in (found, expected)]
    return float((means[0] - means[1]).abs().mean()) < 6


@pytest.mark.parametrize("name", ["taesd", f"{STEM}_taesd"])
def test_taesd_paints_previews_where_its_decoder_is(folder: Path, name: str) -> None:
    write_pair(folder / "vae_approx", name, draw_tiny_vae(DECODER, 3))
    samples, found = last_preview(Studio(folder))
    assert found.shape == (48, 64, 3)
    assert is_same(found, by_taesd(samples, 3))


def test_a_decoder_named_after_the_checkpoint_comes_before_the_familys(folder: Path) -> None:
    write_pair(folder / "vae_approx", "taesd", draw_tiny_vae(DECODER, 3))
    write_pair(folder / "vae_approx", f"{STEM}_taesd", draw_tiny_vae(DECODER, 5))
    samples, found = last_preview(Studio(folder))
    assert is_same(found, by_taesd(samples, 5))
    assert not is_same(found, by_taesd(samples, 3))


def test_a_decoder_for_another_familys_latents_is_left_alone(folder: Path) -> None:
    plain = last_preview(Studio(folder))[1]
    write_pair(folder / "vae_approx", "taesdxl", draw_tiny_vae(DECODER, 3))
    assert torch.equal(last_preview(Studio(folder))[1], plain)


@pytest.mark.parametrize(
    "content", [b"no weights", b"\x80\x02}q\x00" + bytes(100)], ids=["nonsense", "a pickle"]
)
def test_a_broken_decoder_leaves_previews_as_without_one(
    folder: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    plain = last_preview(Studio(folder))[1]
    (folder / "vae_approx").mkdir()
    (folder / "vae_approx" / "taesd_decoder.safetensors").write_bytes(content)
    assert torch.equal(last_preview(Studio(folder))[1], plain)
    assert "taesd_decoder.safetensors" in caplog.text


def test_a_decoder_for_more_channels_leaves_previews_as_without_one(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = last_preview(Studio(folder))[1]
    write_pair(folder / "vae_approx", f"{STEM}_taesd", draw_tiny_vae(TaesdConfig(16, None, 8)))
    assert torch.equal(last_preview(Studio(folder))[1], plain)
    assert "latents of 16 channels" in caplog.text


def test_a_decoder_that_does_not_fit_beside_the_network_costs_previews_only(folder: Path) -> None:
    write_pair(folder / "vae_approx", "taesd", draw_tiny_vae(DECODER))
    studio = Studio(folder)
    text = studio.encode("a cat")
    studio.pool.budget_bytes = studio.load()[0].handle.elements * 4
    studio.sample(EMPTY, positive=text, negative=text)
    assert [type(event) for event in studio.events] == [Progress] * 3


def test_the_linear_map_is_not_fitted_where_taesd_paints(folder: Path) -> None:
    write_pair(folder / "vae_approx", "taesd", draw_tiny_vae(DECODER))
    studio = Studio(folder)
    studio.sample(EMPTY, steps=1)
    vae = studio.load()[2].handle
    assert vae not in studio.pool.resident
