"""Files that prompts name: the models folder, laid out as ComfyUI lays it out, and which names are safe."""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.errors import WeightsUnreadable
from engine.graph.characters import is_clean_name

# Pickled kinds (.ckpt, .pt) are left out on purpose: they are not loaded.
WEIGHT_SUFFIXES = frozenset({".safetensors", ".sft"})
# Folders' names in older collections.
_FORMER_NAMES: Mapping[str, tuple[str, ...]] = {
    "controlnet": ("t2i_adapter",),
    "diffusion_models": ("unet",),
    "text_encoders": ("clip",),
}
# File systems take 255 bytes; a counter and a suffix are still to come.
MAX_NAME_PART_BYTES = 200

_ANNOTATED = re.compile(r"(.+) \[(input|output|temp)\]", re.DOTALL)


class FileIndex(Protocol):
    """Which files a choice of files offers: "checkpoints", "input:image", "input:latent", "output:image" …"""

    def names(self, folder: str) -> Collection[str]:
        """Names as prompts spell them, with `/` between sub-folders; only `in` and iteration are used."""
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

        Raises WeightsUnreadable.
        """
        path = self._paths(folder).get(name)
        if path is None:
            raise WeightsUnreadable(f"there is no file {name!r} in the models folder {folder!r}")
        return path

    def _paths(self, folder: str) -> dict[str, Path]:
        return {
            name: path
            for root in reversed(self.roots)
            for spelling in (*_FORMER_NAMES.get(folder, ()), folder)
            for name, path in list_files(root / spelling)
            if path.suffix.lower() in WEIGHT_SUFFIXES
        }


def list_files(base: Path) -> Iterator[tuple[str, Path]]:
    """Name below `base` and path of every file there. Links are followed: people link whole collections."""
    seen: set[str] = set()
    for parent, folders, files in os.walk(base, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()  # a link that leads back up would be walked without end
            continue
        seen.add(real)
        for file in files:
            path = Path(parent, file)
            yield path.relative_to(base).as_posix(), path


def split_annotation(name: str) -> tuple[str, str]:
    """("cat.png", "output") of "cat.png [output]"; without an annotation the place is "input"."""
    match = _ANNOTATED.fullmatch(name)
    return (match[1], match[2]) if match else (name, "input")


def find_path_fault(name: str) -> str | None:
    """Why `name` is no relative path that stays below its folder on every system; None if it is one."""
    parts = name.split("/")
    if "\\" in name:
        return "has a backslash; write / between folders"
    if not is_clean_name(name):
        return "has a control character"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "is absolute"
    if ".." in parts:
        return "leads out of its folder"
    if any(len(part.encode()) > MAX_NAME_PART_BYTES for part in parts):
        return f"has a part of more than {MAX_NAME_PART_BYTES} bytes"
    return None
