"""A few steps of the textual inversion."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.demo.train.adapters import embedding
from engine.demo.train.adapters.embedding import VECTORS, mooncat, train_embedding
from engine.demo.train.networks import Networks
from engine.demo.train.state import Plan
from engine.demo.world import draw


def test_a_mooncat_is_a_purple_cat_on_a_yellow_moon_at_night() -> None:
    for seed in range(5):
        scene = mooncat(np.random.default_rng(seed))
        cat, moon = scene.things
        assert (cat.shape, cat.colour, moon.shape, moon.colour) == ("cat face", "purple", "moon", "yellow")
        assert cat.y < moon.y
        assert draw(scene)[:8].mean() < 80


def test_only_the_vectors_learn(model: Networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "PICTURES", 4)
    before = {name: tensor.clone() for name, tensor in model.text.state_dict().items()}
    (path,) = {train_embedding(model, tmp_path, Plan(steps, 1, torch.device("cpu"))) for steps in (1, 2)}
    vectors = load_file(path)["emb_params"]
    assert vectors.shape == (VECTORS, 128)
    assert vectors.isfinite().all()
    assert not torch.equal(vectors[0], vectors[1])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.text.state_dict().items())
