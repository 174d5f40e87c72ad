"""A prompt to conditioning, through an encoder that is handed in as a callable."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.text.chunks import CHUNK_LENGTH, Chunk, Group, Marks, split_into_chunks
from engine.text.clip_tokenizer import BOS_ID, EOS_ID, ClipTokenizer
from engine.text.embeddings import FindVectors, Words, know_none, split_embeddings
from engine.text.weights import Segment, parse_weights

# CLIP-L was trained with the end mark as padding.
CLIP_L_MARKS = Marks(begin=BOS_ID, end=EOS_ID, pad=EOS_ID)
# The id in places where a vector stands; any but the end mark's, which tells where a text ends.
_PLACEHOLDER = 0


@dataclass(frozen=True, eq=False)
class Batch:
    """Chunks as an encoder takes them. ids: (B, T).  vectors: what stands at (row, position) instead."""

    ids: Tensor
    vectors: Mapping[tuple[int, int], Tensor]

    @classmethod
    def of(cls, chunks: Sequence[Chunk]) -> "Batch":
        """The batch with a row a chunk."""
        places = {
            (row, position): token
            for row, chunk in enumerate(chunks)
            for position, token in enumerate(chunk.tokens)
        }
        vectors = {place: token for place, token in places.items() if isinstance(token, Tensor)}
        ids = [_PLACEHOLDER if isinstance(token, Tensor) else token for token in places.values()]
        return cls(torch.tensor(ids).reshape(len(chunks), -1), vectors)


def clip_chunks(
    prompt: str,
    tokenizer: ClipTokenizer,
    marks: Marks = CLIP_L_MARKS,
    length: int = CHUNK_LENGTH,
    find_vectors: FindVectors = know_none,
) -> list[Chunk]:
    """The prompt as weighted chunks; a token never spans a change of weight. Raises BadInput."""
    groups = (group for part in parse_weights(prompt) for group in _groups(part, tokenizer, find_vectors))
    return split_into_chunks(groups, marks, length)


def _groups(part: Segment, tokenizer: ClipTokenizer, find_vectors: FindVectors) -> Iterator[Group]:
    for piece in split_embeddings(part.text, find_vectors):
        tokens = tokenizer.encode(piece.text) if isinstance(piece, Words) else list(piece)
        yield Group(tokens, part.weight)


def encode_chunks(chunks: Sequence[Chunk], encoder: Callable[[Batch], Tensor], empty: Chunk) -> Tensor:
    """All chunks' hidden states in one row: (1, chunks * length, D).

    encoder: a batch of B chunks -> (B, length, D). empty: the chunk of an empty prompt, against which weights
    count.
    """
    has_weights = any(weight != 1 for chunk in chunks for weight in chunk.weights)
    batch = [*chunks, empty] if has_weights else [*chunks]
    hidden = encoder(Batch.of(batch))
    if has_weights:
        weights = torch.tensor([chunk.weights for chunk in chunks], dtype=hidden.dtype, device=hidden.device)
        hidden = apply_weights(hidden[:-1], hidden[-1:], weights)
    return hidden.flatten(0, 1)[None]  # (chunks, length, D) -> (1, chunks * length, D)


def apply_weights(hidden: Tensor, empty: Tensor, weights: Tensor) -> Tensor:
    """Each position moved away from the empty prompt's by its weight; weight 1 leaves it exactly as it was.

    hidden: (B, T, D).  empty: (1, T, D).  weights: (B, T).
    """
    weights = weights[..., None]
    return torch.where(weights == 1, hidden, empty + (hidden - empty) * weights)
