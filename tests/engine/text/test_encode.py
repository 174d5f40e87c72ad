import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.text.clip_tokenizer import ClipTokenizer
from engine.text.encode import Batch, apply_weights, clip_chunks, encode_chunks

RECORDED = json.loads((Path(__file__).parent / "fixtures" / "prompts.json").read_text())["chunks"]
TOKENIZER = ClipTokenizer()
(EMPTY,) = clip_chunks("", TOKENIZER)


def identity(batch: Batch) -> Tensor:
    """An encoder whose hidden state is the token's id, twice."""
    return batch.ids[..., None].float().repeat(1, 1, 2)


@pytest.mark.parametrize("prompt", RECORDED)
def test_a_prompt_has_the_recorded_tokens_and_weights(prompt: str) -> None:
    chunks = clip_chunks(prompt, TOKENIZER)
    recorded = RECORDED[prompt]
    ends = [len(chunk["ids"]) for chunk in recorded]
    ours = [
        {"ids": chunk.tokens[:end], "weights": chunk.weights[:end]}
        for chunk, end in zip(chunks, ends, strict=True)
    ]
    assert ours == recorded
    assert all(set(chunk.tokens[end:]) <= {49407} for chunk, end in zip(chunks, ends, strict=True))
    assert all(len(chunk.tokens) == len(chunk.weights) == 77 for chunk in chunks)


def test_without_weights_the_empty_prompt_is_not_encoded() -> None:
    sizes: list[int] = []

    def encoder(batch: Batch) -> Tensor:
        sizes.append(len(batch.ids))
        return identity(batch)

    encode_chunks(clip_chunks("a cat", TOKENIZER), encoder, EMPTY)
    assert sizes == [1]


def test_chunks_stand_in_one_row() -> None:
    encoded = encode_chunks(clip_chunks("word " * 80, TOKENIZER), identity, EMPTY)
    assert encoded.shape == (1, 2 * 77, 2)


def test_a_weighted_word_is_moved_away_from_the_empty_prompt() -> None:
    plain = encode_chunks(clip_chunks("a red cat", TOKENIZER), identity, EMPTY)
    weighted = encode_chunks(clip_chunks("a (red:1.5) cat", TOKENIZER), identity, EMPTY)
    moved = (plain != weighted).any(dim=-1)[0].nonzero().flatten().tolist()
    assert moved == [2]
    empty = 49407.0
    torch.testing.assert_close(weighted[0, 2], empty + 1.5 * (plain[0, 2] - empty))


def test_weight_one_changes_nothing_at_all() -> None:
    hidden, empty = torch.randn(1, 3, 5), torch.randn(1, 3, 5)
    assert torch.equal(apply_weights(hidden, empty, torch.ones(1, 3)), hidden)


def test_weight_zero_is_the_empty_prompt() -> None:
    hidden, empty = torch.randn(1, 3, 5), torch.randn(1, 3, 5)
    torch.testing.assert_close(apply_weights(hidden, empty, torch.zeros(1, 3)), empty)
