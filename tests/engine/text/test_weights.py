import json
from pathlib import Path

import pytest

from engine.text.weights import MAX_DEPTH, Segment, parse_weights

RECORDED = json.loads((Path(__file__).parent / "fixtures" / "prompts.json").read_text())["segments"]


@pytest.mark.parametrize("prompt", RECORDED)
def test_a_prompt_has_the_recorded_segments(prompt: str) -> None:
    assert [[part.text, part.weight] for part in parse_weights(prompt)] == RECORDED[prompt]


def test_a_bracket_too_many_makes_text_of_the_next_one() -> None:
    assert parse_weights("a) (b:1.2) (c:1.3)") == [Segment("a) (b:1.2) (c:1.3)", 1.0)]


def test_escaped_brackets_are_text_inside_a_group() -> None:
    assert parse_weights(r"(smile \(wide\):1.2)") == [Segment("smile (wide)", 1.2)]


def test_a_number_replaces_what_the_groups_around_it_multiplied() -> None:
    assert parse_weights("((red:0.5))") == [Segment("red", 0.5)]


@pytest.mark.parametrize("word", ["nan", "inf", "-inf"])
def test_a_weight_that_is_no_finite_number_is_text(word: str) -> None:
    assert parse_weights(f"(cat:{word})") == [Segment(f"cat:{word}", 1.1)]


def test_brackets_beyond_the_depth_limit_are_text() -> None:
    (segment,) = parse_weights("(" * 100_000 + "cat" + ")" * 100_000)
    assert segment.weight == pytest.approx(1.1**MAX_DEPTH)
    assert segment.text.startswith("(((")
