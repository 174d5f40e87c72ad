"""Tensors of a safetensors file, memory-mapped: a tensor's bytes are read when it is used."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine.errors import WeightsUnreadable


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


@contextmanager
def open_tensors(path: Path) -> Generator[LazyTensors]:
    """The file's tensors; check the file with `read_header` before. Raises WeightsUnreadable."""
    try:
        opened = safe_open(path, framework="pt", device="cpu")
    except (SafetensorError, OSError) as problem:
        raise WeightsUnreadable(f"{path.name}: {problem}") from problem
    with opened as file:
        yield LazyTensors(path, file)
