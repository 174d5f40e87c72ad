"""ESRGAN's networks with random weights, in the names of all its releases."""

import math
import re
from itertools import count

import torch
from torch import Tensor

from engine.models.rrdb import RrdbConfig
from engine.models.srvgg import SrvggConfig


def draw(config: RrdbConfig | SrvggConfig) -> dict[str, Tensor]:
    """All tensors by the module's names."""
    generator = torch.Generator().manual_seed(1)
    with torch.device("meta"):
        state = config.build().state_dict()
    return {
        name: torch.randn(tensor.shape, generator=generator) / math.sqrt(math.prod(tensor.shape[1:]) + 1)
        for name, tensor in state.items()
    }


def first_names(config: RrdbConfig) -> dict[str, str]:
    """The first release's name for each of the module's: layers without weights are numbered, too."""
    numbers = count(2)
    ends = {"conv_first": 0}
    for place in range(1, config.doublings + 1):
        next(numbers)  # enlarging
        ends[f"conv_up{place}"] = next(numbers)
        next(numbers)  # its activation
    ends["conv_hr"] = next(numbers)
    next(numbers)
    ends["conv_last"] = next(numbers)
    return {name: _first_name(name, ends, config.blocks) for name in draw(config)}


def _first_name(name: str, ends: dict[str, int], blocks: int) -> str:
    owner, _, kind = name.rpartition(".")
    if owner == "conv_body":
        return f"model.1.sub.{blocks}.{kind}"
    if owner in ends:
        return f"model.{ends[owner]}.{kind}"
    _, block, dense, conv = owner.split(".")
    return f"model.1.sub.{block}.{dense.upper()}.{conv}.0.{kind}"


def second_names(name: str) -> str:
    """The second release's name."""
    name = re.sub(r"^body\.(\d+)\.rdb", r"RRDB_trunk.\1.RDB", name)
    for ours, theirs in {"conv_body": "trunk_conv", "conv_hr": "HRconv", "conv_up": "upconv"}.items():
        name = re.sub(f"^{ours}", theirs, name)
    return name
