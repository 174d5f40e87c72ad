"""Where modules run and in which precision."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from engine.errors import BadInput
from engine.residency.handle import Part

DTYPES: Mapping[str, torch.dtype] = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Placement:
    """One device and the precision of networks on it."""

    device: torch.device
    dtype: torch.dtype

    @property
    def identity(self) -> str:
        """What "the same picture" depends on besides the graph; part of cache keys and of a run's record."""
        return f"{self.device.type}:{str(self.dtype).removeprefix('torch.')}"

    def dtype_of(self, part: Part) -> torch.dtype:
        """The precision of one part.

        Decoders overflow in fp16 (beyond 65504), so they run in fp32 then, as upscalers do. On a CPU only
        what runs at every step is rough: texts and pictures are encoded once, and there bf16 would cost more
        than it saves.
        """
        is_once = self.device.type == "cpu" and part not in ("unet", "control")
        is_overflowing = part in ("vae", "upscaler") and self.dtype == torch.float16
        return torch.float32 if is_once or is_overflowing else self.dtype


def choose_placement(device: str = "auto", dtype: str = "auto") -> Placement:
    """`device`: auto, cpu, cuda, cuda:1, ...  `dtype`: auto, fp32, fp16, bf16. Raises BadInput.

    auto is the first CUDA device in fp16 if there is one; otherwise the CPU, in bf16 if it multiplies that
    itself, else in fp32.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError as problem:
        raise BadInput(f"device {device!r} is not one that torch knows") from problem
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise BadInput(f"device {device!r} was asked for, and this machine or build of torch has no CUDA")
    if dtype == "auto":
        dtype = "fp16" if chosen.type == "cuda" else "bf16" if computes_in_bfloat16() else "fp32"
    if dtype not in DTYPES:
        raise BadInput(f"dtype {dtype!r} is not one of auto, {', '.join(DTYPES)}")
    return Placement(chosen, DTYPES[dtype])


def computes_in_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 itself: AVX512-BF16, AMX, or their like on ARM."""
    found = torch.cpu.get_capabilities()
    return any(found.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def activation_budget_bytes(placement: Placement) -> int:
    """What a network's inner values may take: a quarter of the memory, so that the same machine always splits
    work in the same way.
    """
    return _memory_bytes(placement) // 4


def default_budget_bytes(placement: Placement) -> int:
    """What weights may take: three quarters of a card (activations need the rest), half of main memory."""
    total = _memory_bytes(placement)
    return total * 3 // 4 if placement.device.type == "cuda" else total // 2


def _memory_bytes(placement: Placement) -> int:
    if placement.device.type == "cuda":
        return torch.cuda.get_device_properties(placement.device).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
