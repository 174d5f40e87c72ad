"""A model of the demo's sizes with random weights."""

from pathlib import Path

import pytest
import torch

from engine.demo.train.networks import (
    Networks,
    new_autoencoder,
    new_text_encoder,
    new_unet,
    read_model,
    write_model,
)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    torch.manual_seed(0)
    parts = {"unet": new_unet(), "text": new_text_encoder(), "vae": new_autoencoder()}
    with torch.no_grad():
        # Branches that begin at zero would keep gradients from what is trained around the U-Net.
        for parameter in parts["unet"].parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.02)
    path: Path = tmp_path_factory.mktemp("model") / "demo.safetensors"
    weights = {name: network.state_dict() for name, network in parts.items()}
    write_model(path, weights, dtype=torch.float16)
    return read_model(path, torch.device("cpu"))
