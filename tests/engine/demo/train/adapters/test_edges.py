"""A few steps of the ControlNet."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.demo.train.adapters import edges
from engine.demo.train.adapters.edges import HINT_WIDTHS, edges_of, new_controlnet, train_edges
from engine.demo.train.networks import UNET, Networks
from engine.demo.train.state import Plan
from engine.models.controlnet import config_from


def test_before_it_learns_a_controlnet_adds_nothing(model: Networks) -> None:
    control = new_controlnet(model.unet)
    x, context = torch.randn(1, 4, 16, 16), torch.randn(1, 77, UNET.context_width)
    residuals = control(x, torch.ones(1, 3, 128, 128), torch.tensor([500]), context)
    assert not any(skip.any() for skip in residuals.skips)
    assert not residuals.middle.any()


def test_edges_run_along_the_outline_of_a_square() -> None:
    picture = np.zeros((128, 128, 3), np.uint8)
    picture[32:96, 32:96] = 255
    (found,) = edges_of([picture], np.random.default_rng(0))
    rows, columns = np.nonzero(found)
    assert found.any()
    assert min(rows.min(), columns.min()) >= 30
    assert not found[36:92, 36:92].any()


def test_only_the_controlnet_learns(model: Networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edges, "PICTURES", 4)
    before = {name: tensor.clone() for name, tensor in model.unet.state_dict().items()}
    tensors = load_file(train_edges(model, tmp_path, Plan(2, 1, torch.device("cpu"))))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.unet.state_dict().items())
    control = {name.removeprefix("control_model."): tensor for name, tensor in tensors.items()}
    assert control["zero_convs.0.0.weight"].any()
    shown = config_from({name: tuple(tensor.shape) for name, tensor in control.items()})
    assert shown.hint_widths == HINT_WIDTHS
    assert shown.half.context_width == UNET.context_width
