"""Textual inversions in prompts (Gal et al. 2022, arXiv 2208.01618): `embedding:name` stands for the vectors
of a file.
"""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

logger = logging.getLogger(__name__)

MARK = "embedding:"
_BEGINNING = re.compile(rf"[ \n]{MARK}")

# The vectors (N, D) of that name, None where there are none.
FindVectors = Callable[[str], Tensor | None]


@dataclass(frozen=True, eq=False)
class Words:
    """Text between embeddings."""

    text: str


def know_none(name: str) -> Tensor | None:
    """The FindVectors of places without embeddings."""
    return None


def split_embeddings(text: str, find_vectors: FindVectors) -> Iterator[Words | Tensor]:
    """Words and vectors in turn. A name reaches to the next space; one that is unknown is left out.

    Commas behind a name are words, unless there is a file of that very name.
    """
    first, *rest = _BEGINNING.split(text)
    pieces = [first, *(MARK + piece for piece in rest)]
    for piece in pieces:
        if not piece.startswith(MARK):
            yield Words(piece)
            continue
        vectors, behind = _read_name(piece.removeprefix(MARK), find_vectors)
        if vectors is not None:
            yield vectors
        yield Words(behind)


def _read_name(text: str, find_vectors: FindVectors) -> tuple[Tensor | None, str]:
    """The vectors of the name that `text` begins with, and the words behind it."""
    name, *behind = text.split() or [""]
    bare = name.strip(",")
    vectors = find_vectors(name)
    if vectors is None and bare != name:
        vectors, behind = find_vectors(bare), [name[len(bare) :], *behind]
    if vectors is None:
        logger.warning("there is no embedding %r; the prompt is used without it", bare)
    return vectors, " ".join(behind)
