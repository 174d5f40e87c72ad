"""Running out of memory: how it is told, and how what was taken is given back."""

import torch

from engine.residency.device import Placement


def is_out_of_memory(problem: BaseException) -> bool:
    """Whether an allocation failed, on a card or in main memory."""
    if isinstance(problem, torch.OutOfMemoryError | MemoryError):
        return True
    # The allocator of main memory has no error class of its own.
    return isinstance(problem, RuntimeError) and "DefaultCPUAllocator" in str(problem)


def release_cached(placement: Placement) -> None:
    """Give back what the allocator keeps for later."""
    if placement.device.type == "cuda":
        torch.cuda.empty_cache()
