"""The tensors behind a handle, under the module's names, with its patches applied."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.errors import BadInput
from engine.residency.handle import Handle, Lora, Mix, Patch, Storage
from engine.weights.header import read_header
from engine.weights.layout import Source, as_is
from engine.weights.lora import apply_change
from engine.weights.lora_names import Change
from engine.weights.shapes import Shapes, under
from engine.weights.tensors import LazyTensors, open_tensors

STORAGE: Mapping[Storage, torch.dtype] = {
    "fp8_e4m3fn": torch.float8_e4m3fn,
    "fp8_e5m2": torch.float8_e5m2,
}


class _OpenPatch(Protocol):
    def apply(self, name: str, tensor: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Weights:
    """An open file, read as a handle says."""

    handle: Handle
    shapes: Shapes
    sources: Mapping[str, Source]
    tensors: LazyTensors
    patches: tuple[_OpenPatch, ...]
    device: torch.device
    rest: "Weights | None" = None

    def read(self, name: str) -> Tensor:
        """The tensor: in the file's precision (or the handle's), patched ones in float32 on the device.

        Raises WeightsUnreadable, BadInput for a patch that does not fit.
        """
        tensor = self._stored(name) if self.rest is None or name in self.sources else self.rest.read(name)
        for patch in self.patches:
            tensor = patch.apply(name, tensor.to(self.device))
        return tensor

    def stored_dtype(self, name: str) -> torch.dtype:
        """The precision of the tensor before patches."""
        return self._stored(name).dtype

    def _stored(self, name: str) -> Tensor:
        source, prefix = self.sources[name], self.handle.prefix
        stored = self.tensors.read(prefix + source.name)
        scale = f"{prefix}{source.name.removesuffix('.weight')}.scale_weight"
        if scale in self.shapes:
            # Files in scaled fp8 keep a factor beside each matrix.
            stored = stored.float() * self.tensors.read(scale).float()
        arranged = source.arrange(stored)
        if self.handle.storage is None or arranged.ndim < 2:
            return arranged
        # Patches come after this rounding: at eight bits, most of a LoRA would be lost in it.
        return arranged.to(STORAGE[self.handle.storage])


@contextmanager
def open_weights(handle: Handle, device: torch.device) -> Generator[Weights]:
    """The tensors of a handle; patches are computed on the device. Raises WeightsUnreadable."""
    handle.file.check_unchanged()
    shapes = read_header(handle.path).shapes
    with ExitStack() as stack:
        tensors = stack.enter_context(open_tensors(handle.path))
        patches = tuple(stack.enter_context(_open_patch(patch, handle, device)) for patch in handle.patches)
        rest = handle.rest and stack.enter_context(open_weights(handle.rest, device))
        yield Weights(handle, shapes, _arrange(handle, shapes), tensors, patches, device, rest)


def sources_of(handle: Handle) -> Mapping[str, Source]:
    """Where the file has the module's tensors, and their shapes. Raises WeightsUnreadable."""
    return _arrange(handle, read_header(handle.path).shapes)


def touched_names(patches: Iterable[Patch], names: Iterable[str]) -> set[str]:
    """The tensors, of those, that patches change."""
    touched: set[str] = set()
    for patch in patches:
        targets = {change.target for change in patch.changes} if isinstance(patch, Lora) else set(names)
        touched |= targets
    return touched


def _arrange(handle: Handle, shapes: Shapes) -> Mapping[str, Source]:
    return (handle.layout or as_is)(under(shapes, handle.prefix))


@contextmanager
def _open_patch(patch: Patch, handle: Handle, device: torch.device) -> Generator[_OpenPatch]:
    match patch:
        case Lora():
            patch.file.check_unchanged()
            by_target: dict[str, list[Change]] = {}
            for change in patch.changes:
                by_target.setdefault(change.target, []).append(change)
            with open_tensors(patch.file.path) as tensors:
                yield _OpenLora(patch, handle, by_target, tensors)
        case Mix():
            with open_weights(patch.other, device) as weights:
                yield _OpenMix(patch, weights)


@dataclass(frozen=True)
class _OpenLora:
    patch: Lora
    handle: Handle
    changes: Mapping[str, list[Change]]
    tensors: LazyTensors

    def apply(self, name: str, tensor: Tensor) -> Tensor:
        for change in self.changes.get(name, ()):
            try:
                tensor = apply_change(tensor, change, self.tensors.read, self.patch.strength)
            except (RuntimeError, ValueError) as problem:
                raise BadInput(
                    f"{self.patch.file.path.name} does not fit {name!r} of {self.handle.title},"
                    f" whose shape is {list(tensor.shape)}: {problem}"
                ) from problem
        return tensor


@dataclass(frozen=True)
class _OpenMix:
    patch: Mix
    weights: Weights

    def apply(self, name: str, tensor: Tensor) -> Tensor:
        source = self.weights.sources.get(name)
        if source is None or source.shape != tensor.shape:
            return tensor
        share = self.patch.share_of(name)
        other = self.weights.read(name).to(tensor.device).float()
        return tensor.float() * share.kept + other * share.taken
