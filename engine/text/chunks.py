"""Weighted tokens in pieces of the length that an encoder takes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from torch import Tensor

from engine.errors import BadInput

CHUNK_LENGTH = 77
# A segment of fewer tokens is kept whole: it moves to the next chunk rather than being cut.
MIN_TOKENS_TO_CUT = 8
# 7 500 tokens. The cost of attention to a prompt grows with it, and no picture follows so many words.
MAX_CHUNKS = 100

# One position of a text: the id of a word's part, or a vector (D,) that stands there instead.
Token: TypeAlias = int | Tensor


@dataclass(frozen=True)
class Marks:
    """Ids around an encoder's text."""

    begin: int
    end: int
    pad: int


@dataclass(frozen=True)
class Group:
    """The tokens of one segment of the prompt, or of one embedding in it, and its weight."""

    tokens: Sequence[Token]
    weight: float


@dataclass
class Chunk:
    """One input of the encoder; tokens and weights are equally long."""

    tokens: list[Token]
    weights: list[float] = field(default_factory=list[float])

    def add(self, tokens: Sequence[Token], weight: float = 1.0) -> None:
        self.tokens += tokens
        self.weights += [weight] * len(tokens)


def split_into_chunks(groups: Iterable[Group], marks: Marks, length: int = CHUNK_LENGTH) -> list[Chunk]:
    """One or more chunks, each begin, up to `length` - 2 tokens, end, padding. Raises BadInput."""
    chunks = [Chunk([marks.begin], [1.0])]
    for group in groups:
        rest = group.tokens
        may_cut = len(rest) >= MIN_TOKENS_TO_CUT
        while len(rest) > (room := length - 1 - len(chunks[-1].tokens)):
            chunks[-1].add(rest[:room] if may_cut else [], group.weight)
            rest = rest[room:] if may_cut else rest
            chunks.append(Chunk([marks.begin], [1.0]))
            if len(chunks) > MAX_CHUNKS:
                raise BadInput(f"the text has more than {MAX_CHUNKS * (length - 2)} tokens, the limit")
        chunks[-1].add(rest, group.weight)
    for chunk in chunks:
        chunk.add([marks.end])
        chunk.add([marks.pad] * (length - len(chunk.tokens)))
    return chunks


def without_misfits(chunk: Chunk, width: int, pad: int) -> Chunk:
    """The chunk without vectors that are not `width` long: what follows moves up, weights stay in their
    places, as in the pictures that people have made so.
    """
    kept = [token for token in chunk.tokens if isinstance(token, int) or len(token) == width]
    return Chunk(kept + [pad] * (len(chunk.tokens) - len(kept)), chunk.weights)
