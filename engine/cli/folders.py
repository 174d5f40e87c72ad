"""Inputs and outputs as folders on disk, named as ComfyUI names them."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.api import BadInput, InputFile, InputUnreadable, ModelFolders, OutputFile, find_path_fault
from engine.graph.folders import list_files, split_annotation


@dataclass(frozen=True)
class FolderNames(Collection[str]):
    """Names of all files below a folder. Asking for one name lists nothing."""

    root: Path

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and find_path_fault(name) is None and (self.root / name).is_file()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(name for name, _ in list_files(self.root)))

    def __len__(self) -> int:
        return sum(1 for _ in list_files(self.root))


@dataclass(frozen=True)
class ShellFiles:
    """Models, inputs and outputs of one call of the command line."""

    models: ModelFolders
    inputs: Path
    outputs: Path

    def names(self, folder: str) -> Collection[str]:
        """What a choice of files offers: "checkpoints", "input:image", "output:image" …"""
        place = folder.partition(":")[0]
        roots = {"input": self.inputs, "output": self.outputs}
        return FolderNames(roots[place]) if place in roots else self.models.names(folder)

    def find_input(self, value: str) -> InputFile:
        """The input of that name, which may end in " [input]" or " [output]". Raises InputUnreadable."""
        name, place = split_annotation(value)
        root = self.outputs if place == "output" else self.inputs
        if name not in FolderNames(root):
            raise InputUnreadable(f"there is no file {name!r} in {root}")
        return InputFile(name, lambda: _read(root / name))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise InputUnreadable(f"{path} cannot be read: {problem.strerror}") from problem


def store_output(root: Path, file: OutputFile) -> Path:
    """Write `file` as PREFIX_00001_.png below `root`, numbered above all that are there; returns the path.

    Nothing is overwritten, and nothing is written outside of `root`. Raises BadInput.
    """
    if fault := find_path_fault(file.prefix):
        raise BadInput(f"the file name prefix {file.prefix!r} {fault}")
    *parents, stem = file.prefix.split("/")
    folder = root.joinpath(*parents)
    if not folder.resolve().is_relative_to(root.resolve()):
        raise BadInput(f"the file name prefix {file.prefix!r} leads out of {root}, through a link")
    folder.mkdir(parents=True, exist_ok=True)
    counter = _next_counter(folder, stem)
    while True:
        path = folder / f"{stem}_{counter:05}_{file.suffix}"
        try:
            return _write_new(path, file.content)
        except FileExistsError:
            counter += 1  # somebody else was faster


def _next_counter(folder: Path, stem: str) -> int:
    pattern = re.compile(re.escape(stem) + r"_(\d+)_.*", re.DOTALL)
    found = (pattern.fullmatch(path.name) for path in folder.iterdir())
    return 1 + max((int(match[1]) for match in found if match), default=0)


def _write_new(path: Path, content: bytes) -> Path:
    """A whole file or none, also when interrupted."""
    with path.open("xb") as target:
        try:
            target.write(content)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return path
