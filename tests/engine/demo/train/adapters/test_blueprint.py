"""A few steps of the style LoRA."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engine.demo.train.adapters import blueprint
from engine.demo.train.adapters.blueprint import RANK, adapted_layers, train_blueprint
from engine.demo.train.networks import Networks
from engine.demo.train.state import Plan


def test_only_the_adapter_learns_and_its_file_names_the_layers(
    model: Networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blueprint, "PICTURES", 4)
    before = {name: tensor.clone() for name, tensor in model.unet.state_dict().items()}
    tensors = load_file(train_blueprint(model, tmp_path, Plan(2, 1, torch.device("cpu"))))
    after = model.unet.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in after.items())
    for name, layer in adapted_layers(model.unet):
        stem = f"lora_unet_{name.replace('.', '_')}"
        down, up = tensors[f"{stem}.lora_down.weight"], tensors[f"{stem}.lora_up.weight"]
        assert tensors[f"{stem}.alpha"] == RANK
        delta = up.float().flatten(1) @ down.float().flatten(1)
        assert delta.numel() == layer.weight.numel()
        assert delta.any()
