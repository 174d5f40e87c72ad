from datetime import UTC, datetime

import pytest

from engine.nodes.naming import expand_prefix

NOW = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("cat", "cat"),
        ("%width%x%height%", "640x480"),
        ("%year%-%month%-%day%/%hour%%minute%%second%", "2031-02-03/040506"),
        ("n%batch_num%", "n7"),
        ("%unknown% 100%", "%unknown% 100%"),
    ],
)
def test_variables_are_filled_in(prefix: str, expected: str) -> None:
    assert expand_prefix(prefix, width=640, height=480, index=7, now=NOW) == expected
