"""A few steps of the tiny decoder."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engine.demo.train.adapters import tiny_decoder
from engine.demo.train.adapters.tiny_decoder import WIDTH, train_tiny_decoder
from engine.demo.train.networks import Networks
from engine.demo.train.state import Plan
from engine.models.taesd import DECODER, config_from


def test_it_is_a_decoder_in_taesds_layout(
    model: Networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny_decoder, "PICTURES", 4)
    before = {name: tensor.clone() for name, tensor in model.vae.state_dict().items()}
    tensors = load_file(train_tiny_decoder(model, tmp_path, Plan(2, 1, torch.device("cpu"))))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.vae.state_dict().items())
    shown = config_from({DECODER + name: tuple(tensor.shape) for name, tensor in tensors.items()})
    assert (shown.latent_channels, shown.encoder_width, shown.decoder_width) == (4, None, WIDTH)
