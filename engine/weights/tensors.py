"""Tensors of a safetensors file, memory-mapped: a tensor's bytes are read when it is used."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine.errors import WeightsUnreadable
from engine.weights.header import ARCHIVE_SUFFIXES
from engine.weights.torch_archive import read_tensors


class _OpenFile(Protocol):
    def get_tensor(self, name: str) -> Tensor: ...


@dataclass(frozen=True)
class LazyTensors:
    """An open file; a tensor stays a view of the mapping until somebody copies it."""

    path: Path
    _file: _OpenFile

    def read(self, name: str) -> Tensor:
        """The tensor of that name, on the CPU, in the file's dtype."""
        try:
            return self._file.get_tensor(name)
        except SafetensorError as problem:
            raise WeightsUnreadable(f"{self.path.name}: tensor {name!r}: {problem}") from problem


@dataclass(frozen=True)
class _Archive:
    """A small file of torch.save, read as a whole."""

    tensors: Mapping[str, Tensor]

    def get_tensor(self, name: str) -> Tensor:
        """Raises SafetensorError, as an open file does."""
        if name not in self.tensors:
            raise SafetensorError("is not there")
        return self.tensors[name]


@contextmanager
def open_tensors(path: Path) -> Generator[LazyTensors]:
    """The file's tensors; check the file with `read_header` before. Raises WeightsUnreadable."""
    if path.suffix.lower() in ARCHIVE_SUFFIXES:
        yield LazyTensors(path, _Archive(read_tensors(path)))
        return
    try:
        opened = safe_open(path, framework="pt", device="cpu")
    except (SafetensorError, OSError) as problem:
        raise WeightsUnreadable(f"{path.name}: {problem}") from problem
    with opened as file:
        yield LazyTensors(path, file)
