"""Files that prompts name: the models folder, laid out as ComfyUI lays it out, and which names are safe."""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from engine.errors import WeightsUnreadable
from engine.graph.characters import is_clean_name

# Checkpoints of torch.save (.ckpt, .pt) are left out on purpose: they are not loaded.
WEIGHT_SUFFIXES = frozenset({".safetensors", ".sft"})
# Small files of torch.save are read without unpickling them.
_FURTHER_SUFFIXES: Mapping[str, frozenset[str]] = {
    "embeddings": frozenset({".pt", ".bin"}),
    "upscale_models": frozenset({".pt", ".pth"}),
}
# Folders' names in older collections.
_FORMER_NAMES: Mapping[str, tuple[str, ...]] = {
    "controlnet": ("t2i_adapter",),
    "diffusion_models": ("unet",),
    "text_encoders": ("clip",),
}
# Autoencoders that are two files in the folder vae_approx, NAME_encoder and NAME_decoder; they are offered
# beside those of the folder vae.
TINY_VAES = ("taesd", "taesdxl", "taesd3", "taef1")
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
        """Names of the weight files in `folder`, sorted, sub-folders included.

        In "vae" also the TINY_VAES whose files are there.
        """
        names = sorted(self._paths(folder))
        return names if folder != "vae" else names + [name for name in TINY_VAES if self._find_pair(name)]

    def resolve(self, folder: str, name: str) -> Path:
        """The file behind a name. Only listed files are found, so no name leads out of the folder.

        Raises WeightsUnreadable.
        """
        path = self._paths(folder).get(name)
        if path is None:
            raise WeightsUnreadable(f"there is no file {name!r} in the models folder {folder!r}")
        return path

    def files(self, folder: str, name: str) -> tuple[Path, ...]:
        """The files that a name stands for, two for one of TINY_VAES. Raises WeightsUnreadable."""
        pair = self._find_pair(name) if folder == "vae" else ()
        return pair or (self.resolve(folder, name),)

    def _find_pair(self, name: str) -> tuple[Path, ...]:
        """Encoder and decoder; nothing for other names, and where one is missing."""
        if name not in TINY_VAES:
            return ()
        paths = self._paths("vae_approx")
        found = [find_by_stem(paths, f"{name}_{part}") for part in ("encoder", "decoder")]
        return tuple(paths[file] for file in found if file) if None not in found else ()

    def _paths(self, folder: str) -> dict[str, Path]:
        suffixes = WEIGHT_SUFFIXES | _FURTHER_SUFFIXES.get(folder, frozenset())
        return {
            name: path
            for root in reversed(self.roots)
            for spelling in (*_FORMER_NAMES.get(folder, ()), folder)
            for name, path in list_files(root / spelling)
            if path.suffix.lower() in suffixes
        }


def find_by_stem(names: Iterable[str], stem: str) -> str | None:
    """The first file, in order of names, that is called so but for its suffix."""
    found = (name for name in names if PurePosixPath(name).with_suffix("").as_posix() == stem)
    return min(found, default=None)


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
