"""Files of textual inversions: one or more vectors for each text encoder."""

from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from engine.errors import WeightsUnreadable
from engine.weights.header import read_header
from engine.weights.tensors import open_tensors
from engine.weights.torch_archive import read_archive

_BUNDLE = "bundle_emb."
_PARAMETERS = "string_to_param"
_ANY = f"{_PARAMETERS}.*"
# As torch.save writes them.
ARCHIVES = frozenset({".pt", ".bin"})


def read_vectors(path: Path, encoder: str, width: int) -> Tensor:
    """(N, D), float32: the vectors for a text encoder such as "clip_l", whose own are `width` long.

    A file that names no encoders is for any. Raises WeightsUnreadable.
    """
    is_archive = path.suffix.lower() in ARCHIVES
    found = _from_archive(path, encoder, width) if is_archive else _from_safetensors(path, encoder)
    for tensor in found:
        if tensor.ndim not in (1, 2) or not tensor.is_floating_point():
            raise WeightsUnreadable(
                f"{path.name}: an embedding is a few vectors; this has {tensor.dtype} of shape"
                f" {list(tensor.shape)}"
            )
    vectors = [tensor.reshape(-1, tensor.shape[-1]).float() for tensor in found]
    if not vectors or any(part.shape[-1] != vectors[0].shape[-1] for part in vectors):
        raise WeightsUnreadable(f"{path.name}: has no vectors of one length")
    return torch.cat(vectors)


def _from_safetensors(path: Path, encoder: str) -> list[Tensor]:
    names = _choose([*read_header(path).tensors], encoder)
    with open_tensors(path) as tensors:
        return [tensors.read(name).clone() for name in names]


def _from_archive(path: Path, encoder: str, width: int) -> list[Tensor]:
    document = read_archive(path)
    if isinstance(document, list):
        parts = cast("list[object]", document)
        every = (tensor for part in parts for tensor in _tensors(part).values())
        return [tensor for tensor in every if tensor.shape[-1:] == (width,)]
    if isinstance(document, dict) and _PARAMETERS in document:
        return [*_tensors(cast("dict[str, object]", document)[_PARAMETERS]).values()][:1]
    tensors = _tensors(document)
    return [tensors[name] for name in _choose([*tensors], encoder)]


def _tensors(table: object) -> dict[str, Tensor]:
    if not isinstance(table, dict):
        return {}
    items = cast("dict[object, object]", table).items()
    return {str(name): value for name, value in items if isinstance(value, Tensor)}


def _choose(names: list[str], encoder: str) -> list[str]:
    """The tensors for an encoder: under its own name, bundled in a LoRA's file, otherwise the first."""
    if encoder in names:
        return [encoder]
    bundled = [name for name in names if name.startswith(_BUNDLE)]
    for ending in (f".{_ANY}", f".{encoder}"):
        if chosen := [name for name in bundled if name.endswith(ending)]:
            return chosen
    return names[:1]
