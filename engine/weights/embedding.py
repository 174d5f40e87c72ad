"""Files of textual inversions: one or more vectors for each text encoder.

People share them as safetensors and, since they are small, still as pickles of the first tools. Those are
read by torch's restricted reader, which builds tensors and containers and calls nothing else.
"""

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import cast

import torch
from torch import Tensor

from engine.errors import WeightsUnreadable
from engine.weights.header import read_header
from engine.weights.tensors import open_tensors

PICKLED_SUFFIXES = frozenset({".pt", ".bin"})
# A vector is a few kilobytes; what claims to be more is no embedding.
MAX_PICKLE_BYTES = 100_000_000
MAX_NUMBERS = 10_000_000
# What the reader stumbles with over damaged files.
_DAMAGE = (
    UnpicklingError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    EOFError,
    OSError,
    struct.error,
)

_PARAMETERS = "string_to_param"
_BUNDLE = "bundle_emb."


def read_vectors(path: Path, encoder: str, width: int) -> Tensor:
    """(N, D), float32: the vectors for a text encoder such as "clip_l", whose own are `width` long.

    A file that names no encoders is for any. Raises WeightsUnreadable.
    """
    is_pickled = path.suffix.lower() in PICKLED_SUFFIXES
    found = _read_pickle(path, encoder, width) if is_pickled else _read_safetensors(path, encoder)
    for tensor in found:
        if tensor.ndim not in (1, 2) or not tensor.is_floating_point() or tensor.numel() > MAX_NUMBERS:
            raise WeightsUnreadable(
                f"{path.name}: an embedding is a few vectors; this has {tensor.dtype} of shape"
                f" {list(tensor.shape)}"
            )
    vectors = [tensor.detach().reshape(-1, tensor.shape[-1]).float() for tensor in found]
    if not vectors or any(part.shape[-1] != vectors[0].shape[-1] for part in vectors):
        raise WeightsUnreadable(f"{path.name}: has no vectors of one length")
    return torch.cat(vectors)


def _read_safetensors(path: Path, encoder: str) -> list[Tensor]:
    names = _choose([*read_header(path).tensors], encoder)
    with open_tensors(path) as tensors:
        return [tensors.read(name).clone() for name in names]


def _choose(names: list[str], encoder: str) -> list[str]:
    """The tensors for an encoder: under its own name, bundled in a LoRA's file, otherwise the first."""
    if encoder in names:
        return [encoder]
    bundled = [name for name in names if name.startswith(_BUNDLE)]
    for ending in (f".{_PARAMETERS}.*", f".{encoder}"):
        if chosen := [name for name in bundled if name.endswith(ending)]:
            return chosen
    return names[:1]


def _read_pickle(path: Path, encoder: str, width: int) -> list[Tensor]:
    if path.stat().st_size > MAX_PICKLE_BYTES:
        raise WeightsUnreadable(f"{path.name}: is larger than {MAX_PICKLE_BYTES} bytes, the limit")
    try:
        document: object = torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGE as problem:
        raise WeightsUnreadable(
            f"{path.name}: holds more than tensors, or is damaged; save the embedding as safetensors"
        ) from problem
    if isinstance(document, list):
        parts = [part for part in cast("list[object]", document) if isinstance(part, Mapping)]
        every = [tensor for part in parts for tensor in _tensors(cast("Mapping[str, object]", part).values())]
        return [tensor for tensor in every if tensor.ndim and tensor.shape[-1] == width]
    if not isinstance(document, Mapping):
        return []
    table = cast("Mapping[str, object]", document)
    inner = table.get(_PARAMETERS)
    if isinstance(inner, Mapping):
        return _tensors(cast("Mapping[str, object]", inner).values())[:1]
    tensors = {name: value for name, value in table.items() if isinstance(value, Tensor)}
    return [tensors[name] for name in _choose([*tensors], encoder)]


def _tensors(values: Iterable[object]) -> list[Tensor]:
    return [value for value in values if isinstance(value, Tensor)]
