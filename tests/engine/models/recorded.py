"""Tiny networks whose weights follow from a rule, with outputs that another implementation recorded."""

import json
import math
import zlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

FIXTURES = Path(__file__).parent / "fixtures"


def read_recording(name: str) -> dict[str, Any]:
    """A fixture; `source` says where its numbers come from, `weight_rule` how its weights are drawn."""
    recording: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    return recording


def draw_by_rule(shapes: dict[str, list[int]]) -> dict[str, Tensor]:
    """The weights that the fixtures' rule gives."""
    return {name: _draw(name, shape) for name, shape in shapes.items()}


def _draw(name: str, shape: list[int]) -> Tensor:
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))
    if len(shape) >= 2:
        return noise * 0.7 / math.sqrt(math.prod(shape[1:]))
    return 1 + 0.1 * noise if name.endswith("weight") else 0.1 * noise


def seeded(spec: dict[str, Any]) -> Tensor:
    """An input as fixtures describe it: {"shape", "seed"} or {"values"}."""
    if "values" in spec:
        return torch.tensor(spec["values"])
    return torch.randn(spec["shape"], generator=torch.Generator().manual_seed(spec["seed"]))


def output_of(recording: dict[str, Any], name: str) -> Tensor:
    """A recorded output."""
    output = recording["outputs"][name]
    return torch.tensor(output["values"]).reshape(output["shape"])
