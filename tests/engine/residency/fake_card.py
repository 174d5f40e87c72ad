"""A card with a budget of bytes and modules without weights."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.residency.device import Placement
from engine.residency.handle import Handle
from engine.residency.pool import Pool

CPU_FP32 = Placement(torch.device("cpu"), torch.float32)
BYTES_PER_ELEMENT = 4


class FakeCard:
    """Loads in no time and remembers what; `fails` counts down how often it is full."""

    def __init__(self, fails: int = 0) -> None:
        self.loaded: list[str] = []
        self.fails = fails

    def load(self, handle: Handle, placement: Placement) -> nn.Module:
        """A module; raises what torch raises where a card is full."""
        if self.fails:
            self.fails -= 1
            raise torch.OutOfMemoryError("no room")
        self.loaded.append(handle.path.stem)
        return nn.Identity()

    def pool(self, budget_bytes: int) -> Pool:
        """A pool on this card."""
        return Pool(CPU_FP32, budget_bytes, load=self.load)


def handle(name: str, size_bytes: int, part: Any = "unet") -> Handle:
    """Weights of that size, of a file that does not exist."""
    return Handle(
        path=Path(f"{name}.safetensors"),
        size_bytes=size_bytes,
        modified_ns=0,
        part=part,
        family="none",
        prefix="",
        config=None,  # pyright: ignore[reportArgumentType] -- never built
        elements=size_bytes // BYTES_PER_ELEMENT,
    )
