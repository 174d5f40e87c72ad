"""From a handle to a module that computes: built without memory, filled from the mapped file, cast, moved."""

import torch
from torch import nn

from engine.errors import WeightsUnreadable
from engine.residency.device import Placement
from engine.residency.handle import Handle
from engine.residency.pack import can_pack, pack
from engine.weights.tensors import open_tensors


def load_module(handle: Handle, placement: Placement) -> nn.Module:
    """The module on its device, in evaluation mode. Raises WeightsUnreadable."""
    dtype = placement.dtype_of(handle.part)
    with torch.device("meta"):
        module = handle.config.build()
    _check_unchanged(handle)
    with open_tensors(handle.path) as tensors:
        state = {
            name: tensors.read(handle.prefix + name).to(placement.device, dtype)
            for name in module.state_dict()
        }
    module.load_state_dict(state, strict=True, assign=True)
    del state
    module.requires_grad_(requires_grad=False).eval()
    if can_pack(placement.device, dtype):
        pack(module)
        return module
    return module.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] -- torch has it


def _check_unchanged(handle: Handle) -> None:
    status = handle.path.stat() if handle.path.exists() else None
    if status is None or (status.st_size, status.st_mtime_ns) != (handle.size_bytes, handle.modified_ns):
        raise WeightsUnreadable(
            f"{handle.path.name} changed while it was in use; run again to load what is there now"
        )
