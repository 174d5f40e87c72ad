"""The name of weights: which part of which file, and how to build the module for them. Needs no torch."""

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from torch import nn

    from engine.weights.layout import Layout

Part = Literal["unet", "clip", "vae"]
Storage = Literal["fp8_e4m3fn", "fp8_e5m2"]


class ModuleConfig(Hashable, Protocol):
    """A frozen configuration of one network, as read from the shapes of its tensors."""

    def build(self) -> "nn.Module":
        """The module; its attribute names are the file's key names below the handle's prefix."""
        ...


@dataclass(frozen=True)
class Handle:
    """Weights somewhere on disk. Equal handles are the same module with the same weights.

    `prefix` stands before the module's keys in the file, `layout` tells how they are named and arranged there
    (None: as in the module); `elements` counts the numbers in all tensors. Size and time of change tell a
    file from one that took its place. `storage`: the precision to round weights to before they are used.
    """

    path: Path
    size_bytes: int
    modified_ns: int
    part: Part
    family: str
    prefix: str
    config: ModuleConfig
    elements: int
    layout: "Layout | None" = None
    storage: Storage | None = None

    @property
    def title(self) -> str:
        """For messages, such as "unet of dreams.safetensors"."""
        return f"{self.part} of {self.path.name}"
