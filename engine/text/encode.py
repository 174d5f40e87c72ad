"""A prompt to conditioning, through an encoder that is handed in as a callable."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from engine.text.chunks import CHUNK_LENGTH, Chunk, Group, Marks, split_into_chunks
from engine.text.clip_tokenizer import BOS_ID, EOS_ID, ClipTokenizer
from engine.text.weights import parse_weights

# CLIP-L was trained with the end mark as padding.
CLIP_L_MARKS = Marks(begin=BOS_ID, end=EOS_ID, pad=EOS_ID)


def clip_chunks(
    prompt: str, tokenizer: ClipTokenizer, marks: Marks = CLIP_L_MARKS, length: int = CHUNK_LENGTH
) -> list[Chunk]:
    """The prompt as weighted chunks; a token never spans a change of weight. Raises BadInput."""
    groups = (Group(tokenizer.encode(part.text), part.weight) for part in parse_weights(prompt))
    return split_into_chunks(groups, marks, length)


def encode_chunks(chunks: Sequence[Chunk], encoder: Callable[[Tensor], Tensor], empty: Chunk) -> Tensor:
    """All chunks' hidden states in one row: (1, chunks * length, D).

    encoder: ids (B, length) -> (B, length, D). empty: the chunk of an empty prompt, against which weights
    count.
    """
    has_weights = any(weight != 1 for chunk in chunks for weight in chunk.weights)
    batch = [*chunks, empty] if has_weights else [*chunks]
    hidden = encoder(torch.tensor([chunk.tokens for chunk in batch]))
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
