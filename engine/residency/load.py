"""From a handle to a module that computes: built without memory, filled from the mapped file, cast, moved."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from engine.residency.device import Placement
from engine.residency.handle import Handle, Patch
from engine.residency.pack import PackedConv2d, PackedLinear, PackedPointwise, can_pack, pack
from engine.residency.weights import open_weights, sources_of, touched_names

# How much of a file is mapped at a time: half a gigabyte at the most.
GROUP_NUMBERS = 128_000_000


def load_module(handle: Handle, placement: Placement) -> nn.Module:
    """The module on its device, in evaluation mode. Raises WeightsUnreadable, BadInput."""
    dtype = placement.dtype_of(handle.part)
    with torch.device("meta"):
        module = handle.config.build()
    state: dict[str, Tensor] = {}
    for names in _in_groups(module.state_dict()):
        # What a mapping has shown counts as memory until it is closed.
        with open_weights(handle, placement.device) as weights:
            state |= {name: weights.read(name).to(placement.device, dtype) for name in names}
    module.load_state_dict(state, strict=True, assign=True)
    del state
    return settle(module, placement.device, dtype)


def _in_groups(tensors: Mapping[str, Tensor]) -> Iterator[list[str]]:
    """All names, in groups of at most GROUP_NUMBERS numbers, or of one tensor."""
    group: list[str] = []
    room = GROUP_NUMBERS
    for name, tensor in tensors.items():
        if group and tensor.numel() > room:
            yield group
            group, room = [], GROUP_NUMBERS
        group.append(name)
        room -= tensor.numel()
    yield group


def settle(module: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """The module, whose weights are on `device` in `dtype`, in the layout that computes fastest there."""
    module.requires_grad_(requires_grad=False).eval()
    if can_pack(device, dtype):
        pack(module)
        return module
    return module.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] -- torch has it


def change_patches(module: nn.Module, old: Handle, new: Handle, placement: Placement) -> None:
    """Give a loaded module other patches, in place: what `new` has in common with `old` is left alone, all
    else is read from the file again, so nothing is left of a patch that goes.

    Raises WeightsUnreadable, BadInput; the module is of no use then.
    """
    common = _count_common(old.patches, new.patches)
    names = sources_of(new)
    changed = touched_names(old.patches[common:], names) | touched_names(new.patches[common:], names)
    dtype = placement.dtype_of(new.part)
    with open_weights(new, placement.device) as weights:
        for name in sorted(changed):
            put_tensor(module, name, weights.read(name).to(placement.device, dtype))


def _count_common(old: tuple[Patch, ...], new: tuple[Patch, ...]) -> int:
    """How many patches both start with."""
    pairs = zip(old, new, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(old), len(new)))


def put_tensor(module: nn.Module, name: str, tensor: Tensor) -> None:
    """Put a tensor in the place of the parameter of that name, packed where it was packed."""
    owner_name, _, parameter = name.rpartition(".")
    owner = module.get_submodule(owner_name)
    if isinstance(owner, PackedConv2d | PackedPointwise | PackedLinear) and parameter == "weight":
        owner.put_weight(tensor)
        return
    if tensor.ndim == 4:
        tensor = tensor.contiguous(memory_format=torch.channels_last)
    setattr(owner, parameter, nn.Parameter(tensor, requires_grad=False))
