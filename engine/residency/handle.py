"""The name of weights: which part of which file, what is changed in them, and how to build the module for
them. Needs no torch.
"""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from engine.errors import WeightsUnreadable
from engine.weights.lora_names import Change

if TYPE_CHECKING:
    from torch import nn

    from engine.weights.layout import Layout

Part = Literal["unet", "clip", "vae", "control", "upscaler"]
Storage = Literal["fp8_e4m3fn", "fp8_e5m2"]


class ModuleConfig(Hashable, Protocol):
    """A frozen configuration of one network, as read from the shapes of its tensors."""

    def build(self) -> "nn.Module":
        """The module; its attribute names are the file's key names below the handle's prefix."""
        ...


@dataclass(frozen=True)
class WeightsFile:
    """A file; size and time of change tell it from one that took its place."""

    path: Path
    size_bytes: int
    modified_ns: int

    @classmethod
    def at(cls, path: Path) -> "WeightsFile":
        """The file as it is now."""
        status = path.stat()
        return cls(path, status.st_size, status.st_mtime_ns)

    def check_unchanged(self) -> None:
        """Raises WeightsUnreadable if the file is another one now."""
        if not self.path.exists() or WeightsFile.at(self.path) != self:
            raise WeightsUnreadable(
                f"{self.path.name} changed while it was in use; run again to load what is there now"
            )


@dataclass(frozen=True)
class Lora:
    """What a file of changes does to a module, with a strength; 1 is as it was trained."""

    file: WeightsFile
    changes: tuple[Change, ...]
    strength: float


@dataclass(frozen=True)
class Share:
    """Tensors whose names start so become kept * own + taken * the other's."""

    start: str
    kept: float
    taken: float


@dataclass(frozen=True)
class Mix:
    """What merging with another module does: the share with the longest fitting start counts, the first where
    none fits. Tensors that the other lacks, or has in another shape, stay.
    """

    other: "Handle"
    shares: tuple[Share, ...]

    def share_of(self, name: str) -> Share:
        """The one that counts for a tensor."""
        fitting = [share for share in self.shares if name.startswith(share.start)]
        return max(fitting, key=lambda share: len(share.start), default=self.shares[0])


Patch: TypeAlias = Lora | Mix


@dataclass(frozen=True)
class Handle:
    """Weights somewhere on disk. Equal handles are the same module with the same weights.

    `prefix` stands before the module's keys in the file, `layout` tells how they are named and arranged there
    (None: as in the module); `elements` counts the numbers in all tensors. Size and time of change tell a
    file from one that took its place. `storage`: the precision to round weights to before they are used.
    `patches` change them then, one after the other.  `rest`: the weights from which tensors that the file
    lacks are taken, under the same names.
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
    patches: tuple[Patch, ...] = ()
    rest: "Handle | None" = None

    @property
    def file(self) -> WeightsFile:
        """Where the weights lie."""
        return WeightsFile(self.path, self.size_bytes, self.modified_ns)

    @property
    def base(self) -> "Handle":
        """The weights as the file has them."""
        return replace(self, patches=())

    def patched(self, patch: Patch) -> "Handle":
        """The weights with one more change."""
        return replace(self, patches=(*self.patches, patch))

    @property
    def title(self) -> str:
        """For messages, such as "unet of dreams.safetensors"."""
        return f"{self.part} of {self.path.name}"
