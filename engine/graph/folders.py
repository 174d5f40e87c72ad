"""The models folder, laid out as ComfyUI lays it out: one sub-folder per kind of file."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.errors import ModelMissing

# Pickled kinds (.ckpt, .pt) are left out on purpose: loading one can run code.
WEIGHT_SUFFIXES = frozenset({".safetensors", ".sft"})


class FileIndex(Protocol):
    """Which files a choice of files offers: "checkpoints", "input:image", "input:latent" …"""

    def names(self, folder: str) -> Collection[str]:
        """Names as prompts spell them, with `/` between sub-folders."""
        ...


@dataclass(frozen=True, slots=True)
class ModelFolders:
    """Model files under some roots; where two roots have the same name, the first wins."""

    roots: tuple[Path, ...]

    def names(self, folder: str) -> list[str]:
        """Names of the weight files in `folder`, sorted, sub-folders included."""
        return sorted(self._paths(folder))

    def resolve(self, folder: str, name: str) -> Path:
        """The file behind a name. Only listed files are found, so no name leads out of the folder.

        Raises ModelMissing.
        """
        path = self._paths(folder).get(name)
        if path is None:
            raise ModelMissing(f"there is no file '{name}' in the models folder '{folder}'")
        return path

    def _paths(self, folder: str) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for root in reversed(self.roots):
            base = root / folder
            # Links are followed: people link whole collections into place.
            for parent, _, files in os.walk(base, followlinks=True):
                for file in files:
                    path = Path(parent, file)
                    if path.suffix.lower() in WEIGHT_SUFFIXES:
                        found[path.relative_to(base).as_posix()] = path
        return found
