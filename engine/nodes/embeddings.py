"""Which file a prompt means by `embedding:name`."""

from pathlib import Path

from torch import Tensor

from engine.graph.context import ModelFiles
from engine.text.embeddings import FindVectors
from engine.weights.embedding import read_vectors

FOLDER = "embeddings"
# As they are tried behind a name without one.
_SUFFIXES = ("", ".safetensors", ".sft", ".pt", ".bin")


def find_vectors_in(models: ModelFiles, encoder: str, width: int) -> FindVectors:
    """Looks names up in the models folder, for the encoder of that name with vectors of that width."""

    def find(name: str) -> Tensor | None:
        path = find_embedding(models, name)
        return None if path is None else read_vectors(path, encoder, width)

    return find


def find_embedding(models: ModelFiles, name: str) -> Path | None:
    """The file of that name, with or without its suffix, in the folder or any below it; the highest first."""
    wanted = {name + suffix: place for place, suffix in enumerate(_SUFFIXES)}
    found = [
        (known.count("/"), known.removesuffix(ending), wanted[ending], known)
        for known in models.names(FOLDER)
        for ending in wanted
        if known == ending or known.endswith(f"/{ending}")
    ]
    return models.resolve(FOLDER, min(found)[-1]) if name and found else None
