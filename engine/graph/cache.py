"""Results of nodes, kept from run to run within one scope and bounded in bytes over all scopes."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass

from engine.graph.events import OutputFile

# For what has no size of its own: a small Python object and its place in a table.
_OBJECT_BYTES = 100


@dataclass(frozen=True, slots=True)
class Result:
    """What a node gave: for each output a list of values, mostly one; and the files that it handed over."""

    values: tuple[Sequence[object], ...]
    files: tuple[OutputFile, ...] = ()


class ResultCache:
    """Least recently used results go first. One scope (a workspace) never sees another's results."""

    def __init__(self, budget_bytes: int) -> None:
        """`budget_bytes` bounds all scopes together; a result larger than all of it is not kept."""
        self._budget_bytes = budget_bytes
        self._size_bytes = 0
        self._entries: OrderedDict[tuple[str, str], tuple[Result, int]] = OrderedDict()

    @property
    def size_bytes(self) -> int:
        """What is kept now."""
        return self._size_bytes

    def find(self, scope: str, key: str) -> Result | None:
        """The result of that identity, None if it is not kept."""
        entry = self._entries.get((scope, key))
        if entry is None:
            return None
        self._entries.move_to_end((scope, key))
        return entry[0]

    def keep(self, scope: str, key: str, result: Result) -> None:
        """Keep the result, and drop others until all fit."""
        size_bytes = measure(result)
        if size_bytes > self._budget_bytes:
            return
        self._forget((scope, key))
        self._entries[scope, key] = result, size_bytes
        self._size_bytes += size_bytes
        while self._size_bytes > self._budget_bytes:
            self._forget(self._choose_victim())

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()
        self._size_bytes = 0

    def _choose_victim(self) -> tuple[str, str]:
        return next(iter(self._entries))

    def _forget(self, place: tuple[str, str]) -> None:
        _, size_bytes = self._entries.pop(place, (None, 0))
        self._size_bytes -= size_bytes


def measure(value: object) -> int:
    """About how many bytes the value holds: tensors, texts, files, also inside containers and dataclasses."""
    size_bytes = 0
    pending = [value]
    while pending:
        found = pending.pop()
        own: object = len(found) if isinstance(found, bytes | str) else getattr(found, "nbytes", 0)
        size_bytes += _OBJECT_BYTES + (own if isinstance(own, int) else 0)
        if isinstance(found, tuple | list | set | frozenset):
            pending.extend(found)
        elif isinstance(found, dict):
            pending.extend(found.values())
        elif is_dataclass(found) and not isinstance(found, type):
            pending.extend(getattr(found, part.name) for part in fields(found))
    return size_bytes
