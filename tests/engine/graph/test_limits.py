from engine.graph import limits


def test_the_limits_are_the_published_ones() -> None:
    assert limits.MAX_NODES == 20_000
    assert limits.MAX_EDGES == 200_000
    assert limits.MAX_PROMPT_BYTES == 8_000_000
    assert limits.MAX_PICTURE_PIXELS == 64_000_000
    assert limits.MAX_INPUT_BYTES == 100_000_000
