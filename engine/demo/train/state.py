"""Training that can stop and go on: networks, their running averages and the optimizer in one file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn


@dataclass(frozen=True)
class Plan:
    """How far to train, what all randomness follows from, and where."""

    steps: int
    seed: int
    device: torch.device


class Training:
    """Networks under one AdamW with an exponential moving average of their weights.

    All randomness of a step must follow from (seed, step): then going on equals never having stopped.
    """

    def __init__(
        self, networks: Mapping[str, nn.Module], rates: Mapping[str, float], *, steps: int, average: float
    ) -> None:
        """`rates`: the peak learning rate by network; `steps`: where the schedule ends."""
        self.networks = dict(networks)
        self.steps = steps
        self.step = 0
        self.average_rate = average
        groups = [
            {"params": [p for p in network.parameters() if p.requires_grad], "lr": rates[name]}
            for name, network in self.networks.items()
        ]
        self.peaks = [rates[name] for name in self.networks]
        self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
        self.averages = {
            name: {key: tensor.detach().clone() for key, tensor in network.state_dict().items()}
            for name, network in self.networks.items()
        }

    def learn(self, loss: Tensor, *, warm_up: int = 200, fall: float = 0.25, clip: float = 1.0) -> None:
        """One step down `loss`: a linear rise over `warm_up` steps, a fall to zero over the last `fall`."""
        left = (self.steps - self.step) / (fall * self.steps)
        factor = min(1.0, (self.step + 1) / warm_up, left)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([p for group in self.optimizer.param_groups for p in group["params"]], clip)
        self.optimizer.step()
        self.step += 1
        self._average()

    @torch.no_grad()
    def _average(self) -> None:
        rate = min(self.average_rate, (1 + self.step) / (10 + self.step))
        for name, network in self.networks.items():
            averages = self.averages[name]
            for key, tensor in network.state_dict().items():
                averages[key].lerp_(tensor, 1 - rate)

    def save(self, path: Path) -> None:
        """Write everything; the file is either whole or the one before."""
        tensors = {
            f"{kind}.{name}.{key}": tensor.contiguous()
            for kind, source in (("network", self._weights()), ("average", self.averages))
            for name, part in source.items()
            for key, tensor in part.items()
        }
        for number, moments in self.optimizer.state_dict()["state"].items():
            for key, tensor in moments.items():
                tensors[f"optimizer.{number}.{key}"] = tensor.contiguous()
        partial = path.with_suffix(".partial")
        save_file(tensors, partial, metadata={"training": json.dumps({"step": self.step})})
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Go on from a file that `save` wrote for networks of the same sizes."""
        with safe_open(path, "pt") as file:
            self.step = json.loads(file.metadata()["training"])["step"]
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 -- not a mapping
        for name, network in self.networks.items():
            network.load_state_dict(below(tensors, f"network.{name}."))
            for key, tensor in below(tensors, f"average.{name}.").items():
                self.averages[name][key].copy_(tensor)
        state: dict[int, dict[str, Tensor]] = {}
        for key, tensor in below(tensors, "optimizer.").items():
            number, moment = key.split(".")
            state.setdefault(int(number), {})[moment] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})

    def _weights(self) -> dict[str, dict[str, Tensor]]:
        return {name: dict(network.state_dict()) for name, network in self.networks.items()}


def read_averages(path: Path, name: str) -> dict[str, Tensor]:
    """The averaged weights of one network from a file that `Training.save` wrote."""
    prefix = f"average.{name}."
    with safe_open(path, "pt") as file:
        names = [key for key in file.keys() if key.startswith(prefix)]  # noqa: SIM118 -- not a mapping
        return {key[len(prefix) :]: file.get_tensor(key) for key in names}


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those whose names begin so, by the rest of their names."""
    return {key[len(prefix) :]: tensor for key, tensor in tensors.items() if key.startswith(prefix)}
