"""Going on from a file equals never having stopped."""

from pathlib import Path

import torch
from torch import nn

from engine.demo.train.state import Training, read_averages


def learn(training: Training, until: int) -> None:
    network = training.networks["net"]
    while training.step < until:
        torch.manual_seed(training.step)
        x = torch.randn(8, 3)
        training.learn((network(x) - x.sum(dim=1, keepdim=True)).square().mean(), warm_up=2)


def new(steps: int = 12) -> Training:
    torch.manual_seed(7)
    return Training({"net": nn.Linear(3, 1)}, {"net": 0.05}, steps=steps, average=0.9)


def test_a_resumed_training_ends_where_an_unbroken_one_ends(tmp_path: Path) -> None:
    unbroken, broken, resumed = new(), new(), new()
    learn(unbroken, 12)
    learn(broken, 5)
    broken.save(tmp_path / "state.safetensors")
    resumed.load(tmp_path / "state.safetensors")
    assert resumed.step == 5
    learn(resumed, 12)
    for name, tensor in unbroken.networks["net"].state_dict().items():
        assert torch.equal(tensor, resumed.networks["net"].state_dict()[name])
        assert torch.equal(unbroken.averages["net"][name], resumed.averages["net"][name])


def test_the_rate_rises_then_falls_to_zero() -> None:
    training = new(steps=8)
    rates: list[float] = []
    for step in range(8):
        learn(training, step + 1)
        rates.append(training.optimizer.param_groups[0]["lr"])
    assert rates == [0.025, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.025]


def test_averages_are_read_by_network(tmp_path: Path) -> None:
    training = new()
    learn(training, 3)
    training.save(tmp_path / "state.safetensors")
    read = read_averages(tmp_path / "state.safetensors", "net")
    assert read.keys() == {"weight", "bias"}
    assert all(torch.equal(read[name], tensor) for name, tensor in training.averages["net"].items())
