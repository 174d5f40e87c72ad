"""A few steps of each lesson, end to end, into a file that the engine knows."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.demo.train.__main__ import main
from engine.demo.train.autoencoder import finished_autoencoder
from engine.demo.train.corpus import Corpus, Tokens, to_pixels
from engine.demo.train.denoiser import captions_shown
from engine.demo.train.networks import LATENT_SCALE
from engine.demo.train.text import CHOICES, scene_truth
from engine.models.detect import detect_checkpoint
from engine.weights.header import read_header


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    steps = ["--autoencoder-steps", "1", "--text-steps", "1", "--steps", "1", "--pictures", "32"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train", "--folder", str(folder), *steps])
        main()
    return folder


def test_what_it_writes_is_an_sd1_checkpoint_of_at_most_60_megabytes(folder: Path) -> None:
    path = folder / "demo.safetensors"
    assert path.stat().st_size <= 60_000_000
    assert detect_checkpoint(read_header(path).shapes, path.name).family.name == "sd1"


def test_latents_have_the_spread_of_their_family(folder: Path) -> None:
    pictures = np.load(folder / "pictures-1-32.npy")
    device = torch.device("cpu")
    vae = finished_autoencoder(folder / "autoencoder.safetensors", pictures, device)
    with torch.no_grad():
        latents = vae.encode(to_pixels(pictures, device)) * LATENT_SCALE
    # The pictures that it was measured on; float32.
    assert torch.allclose(latents.std(dim=(0, 2, 3)), torch.ones(4), atol=1e-3)
    assert latents.mean(dim=(0, 2, 3)).abs().max() < 1e-3


def test_the_captions_of_a_step_are_found_again() -> None:
    corpus = Corpus(seed=1, count=50)
    shown = captions_shown(corpus, 2, seed=1)
    assert "" in shown
    assert len(shown) > 60
    assert shown == captions_shown(corpus, 2, seed=1)
    assert shown > captions_shown(corpus, 1, seed=1)


def test_every_answer_about_a_scene_is_one_of_its_choices() -> None:
    for index in range(100):
        truth = scene_truth(Corpus(seed=4, count=100).scene(index))
        assert len(truth) == len(CHOICES)
        assert all(0 <= answer < choices for answer, choices in zip(truth, CHOICES, strict=True))


def test_captions_become_one_chunk_each() -> None:
    ids = Tokens()(["", "a red circle", "word " * 100])
    assert ids.shape == (3, 77)
    assert ids[0].tolist() == [49406] + [49407] * 76
    assert ids[2, -1] == 49407
