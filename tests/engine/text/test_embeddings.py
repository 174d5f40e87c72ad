import logging

import pytest
import torch
from torch import Tensor

from engine.text.chunks import Chunk, without_misfits
from engine.text.clip_tokenizer import ClipTokenizer
from engine.text.embeddings import Words, split_embeddings
from engine.text.encode import Batch, clip_chunks

KNOWN = {"cat": torch.ones(2, 3), "odd,": torch.zeros(1, 3)}
TOKENIZER = ClipTokenizer()


def split(text: str) -> list[str | int]:
    """Texts, and how many vectors stand between them."""
    pieces = split_embeddings(text, KNOWN.get)
    return [piece.text if isinstance(piece, Words) else len(piece) for piece in pieces]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a dog", ["a dog"]),
        ("embedding:cat", [2, ""]),
        ("a embedding:cat on a mat", ["a", 2, "on a mat"]),
        ("a\nembedding:cat, red", ["a", 2, ", red"]),
        ("embedding:cat embedding:cat", [2, "", 2, ""]),
        ("embedding:odd, one", [1, "one"]),
        ("preembedding:cat", ["preembedding:cat"]),
        ("a embedding:dog, red", ["a", ", red"]),
        ("a embedding: cat", ["a", 2, ""]),
    ],
)
def test_names_reach_to_the_next_space(text: str, pieces: list[str | int]) -> None:
    assert split(text) == pieces


def test_an_unknown_name_is_left_out_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert split("a embedding:dog,") == ["a", ","]
    assert "there is no embedding 'dog'" in caplog.text


def tokens_of(prompt: str) -> Chunk:
    (chunk,) = clip_chunks(prompt, TOKENIZER, find_vectors=KNOWN.get)
    return chunk


def kinds(chunk: Chunk, end: int) -> list[int | str]:
    return [token if isinstance(token, int) else "vector" for token in chunk.tokens[:end]]


def test_each_vector_takes_a_position_with_its_weight() -> None:
    chunk = tokens_of("a (embedding:cat:1.3) dog")
    assert kinds(chunk, 6) == [49406, 320, "vector", "vector", 1929, 49407]
    assert chunk.weights[:6] == [1.0, 1.0, 1.3, 1.3, 1.0, 1.0]


def test_an_embedding_may_stand_in_nested_groups() -> None:
    chunk = tokens_of("((red embedding:cat))")
    assert kinds(chunk, 5) == [49406, 736, "vector", "vector", 49407]
    assert chunk.weights[1:4] == pytest.approx([1.21] * 3)


def test_a_short_embedding_is_not_torn_apart() -> None:
    first, second = clip_chunks("word " * 74 + "embedding:cat", TOKENIZER, find_vectors=KNOWN.get)
    assert kinds(first, 77)[74:] == [2653, 49407, 49407]
    assert kinds(second, 4) == [49406, "vector", "vector", 49407]


def test_vectors_stand_in_a_batch_by_row_and_position() -> None:
    batch = Batch.of([tokens_of("a dog"), tokens_of("a embedding:cat")])
    assert batch.ids.shape == (2, 77)
    assert {place: vector.tolist() for place, vector in batch.vectors.items()} == {
        (1, 2): [1.0] * 3,
        (1, 3): [1.0] * 3,
    }
    assert batch.ids[1, :5].tolist() == [49406, 320, 0, 0, 49407]


def test_vectors_of_another_width_make_room_at_the_end() -> None:
    vector: Tensor = torch.ones(3)
    chunk = Chunk([1, vector, 2, 3], [1.0, 1.5, 1.0, 1.0])
    assert without_misfits(chunk, 4, pad=9) == Chunk([1, 2, 3, 9], [1.0, 1.5, 1.0, 1.0])
    assert without_misfits(chunk, 3, pad=9).tokens[1] is vector
