"""Files of textual inversions: one or more vectors for each text encoder."""

from pathlib import Path

import torch
from torch import Tensor

from engine.errors import WeightsUnreadable
from engine.weights.header import read_header
from engine.weights.tensors import open_tensors

_BUNDLE = "bundle_emb."
_ANY = "string_to_param.*"


def read_vectors(path: Path, encoder: str) -> Tensor:
    """(N, D), float32: the vectors for a text encoder such as "clip_l".

    A file that names no encoders is for any. Raises WeightsUnreadable.
    """
    names = _choose([*read_header(path).tensors], encoder)
    with open_tensors(path) as tensors:
        found = [tensors.read(name).clone() for name in names]
    for tensor in found:
        if tensor.ndim not in (1, 2) or not tensor.is_floating_point():
            raise WeightsUnreadable(
                f"{path.name}: an embedding is a few vectors; this has {tensor.dtype} of shape"
                f" {list(tensor.shape)}"
            )
    vectors = [tensor.reshape(-1, tensor.shape[-1]).float() for tensor in found]
    if any(part.shape[-1] != vectors[0].shape[-1] for part in vectors):
        raise WeightsUnreadable(f"{path.name}: has no vectors of one length")
    return torch.cat(vectors)


def _choose(names: list[str], encoder: str) -> list[str]:
    """The tensors for an encoder: under its own name, bundled in a LoRA's file, otherwise the first."""
    if encoder in names:
        return [encoder]
    bundled = [name for name in names if name.startswith(_BUNDLE)]
    for ending in (f".{_ANY}", f".{encoder}"):
        if chosen := [name for name in bundled if name.endswith(ending)]:
            return chosen
    return names[:1]
