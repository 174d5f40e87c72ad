import pytest

from engine.errors import BadInput
from engine.text.chunks import MAX_CHUNKS, Chunk, Group, Marks, split_into_chunks

MARKS = Marks(begin=-1, end=-2, pad=0)


def split(*groups: Group, length: int = 12) -> list[list[int]]:
    return [chunk.tokens for chunk in split_into_chunks(groups, MARKS, length)]


def test_an_empty_prompt_is_one_chunk_of_marks_and_padding() -> None:
    assert split(length=5) == [[-1, -2, 0, 0, 0]]


def test_a_long_group_is_cut_at_the_boundary() -> None:
    assert split(Group(range(1, 16), 1.0)) == [
        [-1, *range(1, 11), -2],
        [-1, 11, 12, 13, 14, 15, -2, 0, 0, 0, 0, 0],
    ]


def test_a_short_group_that_does_not_fit_moves_on_as_a_whole() -> None:
    assert split(Group(range(1, 9), 1.0), Group([21, 22, 23], 1.0)) == [
        [-1, *range(1, 9), -2, 0, 0],
        [-1, 21, 22, 23, -2, 0, 0, 0, 0, 0, 0, 0],
    ]


def test_a_group_that_just_fits_stays() -> None:
    assert split(Group(range(1, 11), 1.0)) == [[-1, *range(1, 11), -2]]


def test_marks_and_padding_weigh_one() -> None:
    (chunk,) = split_into_chunks([Group([5, 6], 1.3)], MARKS, 6)
    assert chunk == Chunk([-1, 5, 6, -2, 0, 0], [1.0, 1.3, 1.3, 1.0, 1.0, 1.0])


def test_a_prompt_at_the_limit_is_accepted() -> None:
    assert len(split(Group(range(MAX_CHUNKS * 10), 1.0))) == MAX_CHUNKS


def test_one_token_more_than_the_limit_is_refused() -> None:
    with pytest.raises(BadInput, match="more than 1000 tokens"):
        split(Group(range(MAX_CHUNKS * 10 + 1), 1.0))
