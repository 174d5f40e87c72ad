"""Modules on one device, within a budget of bytes. `with pool.lease(handle) as module:` is the only way to
weights.
"""

from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import TypeVar, cast

import torch
from torch import nn

from engine.errors import OutOfMemory
from engine.residency.device import Placement
from engine.residency.handle import Handle
from engine.residency.load import change_patches, load_module

T = TypeVar("T")

# Facts about weights, such as a preview's matrix, are a few hundred bytes each.
MAX_NOTES = 256


@dataclass
class _Resident:
    """One loaded module; `leases` counts who is using it now."""

    module: nn.Module
    size_bytes: int
    leases: int = 0


class Pool:
    """Loads what is leased and keeps it until another module needs the room: the least recently used goes
    first. Of a module and its patched variants one is loaded: whichever is wanted next is made of it.

    Safe to use from threads. A module under lease is never dropped.
    """

    def __init__(
        self,
        placement: Placement,
        budget_bytes: int,
        load: Callable[[Handle, Placement], nn.Module] = load_module,
        change: Callable[[nn.Module, Handle, Handle, Placement], None] = change_patches,
    ) -> None:
        self.placement = placement
        self.budget_bytes = budget_bytes
        self._load, self._change = load, change
        self._lock = RLock()
        self._residents: OrderedDict[Handle, _Resident] = OrderedDict()
        self._notes: OrderedDict[tuple[Handle, str], object] = OrderedDict()

    @property
    def used_bytes(self) -> int:
        """What the loaded modules' weights take."""
        with self._lock:
            return sum(resident.size_bytes for resident in self._residents.values())

    @property
    def resident(self) -> tuple[Handle, ...]:
        """What is loaded, the least recently used first."""
        with self._lock:
            return tuple(self._residents)

    @contextmanager
    def lease(self, handle: Handle) -> Generator[nn.Module]:
        """The module, on the device until the block ends. Raises OutOfMemory, WeightsUnreadable."""
        with self._lock:
            resident = self._residents.get(handle) or self._admit(handle)
            self._residents.move_to_end(handle)
            resident.leases += 1
        try:
            yield resident.module
        finally:
            with self._lock:
                resident.leases -= 1

    def note(self, handle: Handle, name: str, compute: Callable[[], T]) -> T:
        """A small value that follows from a module's weights: computed once, kept when the module goes."""
        key = (handle, name)
        with self._lock:
            if key not in self._notes:
                self._notes[key] = compute()
            self._notes.move_to_end(key)
            if len(self._notes) > MAX_NOTES:
                self._notes.popitem(last=False)
            return cast("T", self._notes[key])

    def _admit(self, handle: Handle) -> _Resident:
        resident = self._find_variant(handle) or self._load_new(handle)
        self._residents[handle] = resident
        return resident

    def _find_variant(self, handle: Handle) -> _Resident | None:
        """An idle module of the same weights, after its patches were changed; None if there is none.

        Where the same weights are leased with other patches, both have to be loaded.
        """
        for found, resident in self._residents.items():
            if resident.leases == 0 and found.base == handle.base:
                # Taken out first: what fails halfway must not be used again.
                del self._residents[found]
                try:
                    self._change(resident.module, found, handle, self.placement)
                except torch.OutOfMemoryError:
                    return None
                return resident
        return None

    def _load_new(self, handle: Handle) -> _Resident:
        size_bytes = handle.elements * self.placement.dtype_of(handle.part).itemsize
        self._make_room(handle, size_bytes)
        try:
            module = self._load(handle, self.placement)
        except torch.OutOfMemoryError:
            # The estimate was too kind, or somebody else uses the card: all that is idle goes.
            self._drop_idle(lambda: False)
            module = self._load_or_give_up(handle, size_bytes)
        return _Resident(module, size_bytes)

    def _load_or_give_up(self, handle: Handle, size_bytes: int) -> nn.Module:
        try:
            return self._load(handle, self.placement)
        except torch.OutOfMemoryError as problem:
            raise OutOfMemory(
                f"{handle.title} needs {size_bytes:,} bytes; {self.placement.device} has no such room"
            ) from problem

    def _make_room(self, handle: Handle, size_bytes: int) -> None:
        self._drop_idle(lambda: self.used_bytes + size_bytes <= self.budget_bytes)
        if self.used_bytes + size_bytes > self.budget_bytes:
            raise OutOfMemory(
                f"{handle.title} needs {size_bytes:,} bytes; on {self.placement.device}"
                f" {self.used_bytes:,} of {self.budget_bytes:,} bytes for weights are in use"
            )

    def _drop_idle(self, is_enough: Callable[[], bool]) -> None:
        """Drop modules that nobody leases, the least recently used first, until it is enough."""
        idle = [handle for handle, resident in self._residents.items() if resident.leases == 0]
        for handle in idle:
            if is_enough():
                return
            del self._residents[handle]
        if idle and self.placement.device.type == "cuda":
            torch.cuda.empty_cache()
