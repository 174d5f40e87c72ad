"""From a handle to a module that computes: built without memory, filled from the mapped file, cast, moved."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from engine.errors import WeightsUnreadable
from engine.residency.device import Placement
from engine.residency.handle import Handle, Storage
from engine.residency.pack import can_pack, pack
from engine.weights.header import read_header
from engine.weights.layout import Source, as_is
from engine.weights.shapes import Shapes, under
from engine.weights.tensors import LazyTensors, open_tensors

_STORAGE: Mapping[Storage, torch.dtype] = {
    "fp8_e4m3fn": torch.float8_e4m3fn,
    "fp8_e5m2": torch.float8_e5m2,
}


def load_module(handle: Handle, placement: Placement) -> nn.Module:
    """The module on its device, in evaluation mode. Raises WeightsUnreadable."""
    dtype = placement.dtype_of(handle.part)
    with torch.device("meta"):
        module = handle.config.build()
    _check_unchanged(handle)
    shapes = read_header(handle.path).shapes
    sources = (handle.layout or as_is)(under(shapes, handle.prefix))
    with open_tensors(handle.path) as tensors:
        state = {
            name: _fetch(tensors, handle, sources[name], shapes).to(placement.device, dtype)
            for name in module.state_dict()
        }
    module.load_state_dict(state, strict=True, assign=True)
    del state
    module.requires_grad_(requires_grad=False).eval()
    if can_pack(placement.device, dtype):
        pack(module)
        return module
    return module.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] -- torch has it


def _fetch(tensors: LazyTensors, handle: Handle, source: Source, shapes: Shapes) -> Tensor:
    """One tensor in the module's shape, in the file's precision or in the one that the handle asks for."""
    stored = tensors.read(handle.prefix + source.name)
    scale = f"{handle.prefix}{source.name.removesuffix('.weight')}.scale_weight"
    if scale in shapes:
        # Files in scaled fp8 keep a factor beside each matrix.
        stored = stored.float() * tensors.read(scale).float()
    arranged = source.arrange(stored)
    if handle.storage is None or arranged.ndim < 2:
        return arranged
    return arranged.to(_STORAGE[handle.storage])


def _check_unchanged(handle: Handle) -> None:
    status = handle.path.stat() if handle.path.exists() else None
    if status is None or (status.st_size, status.st_mtime_ns) != (handle.size_bytes, handle.modified_ns):
        raise WeightsUnreadable(
            f"{handle.path.name} changed while it was in use; run again to load what is there now"
        )
