"""Limits are a contract: who changes one changes this page too."""

from engine.api import MAX_EDGES, MAX_NODES, MAX_PICTURE_PIXELS, MAX_PROMPT_BYTES
from webapp.common import limits


def test_graphs_may_have_20_000_nodes_and_200_000_edges() -> None:
    assert (MAX_NODES, MAX_EDGES) == (20_000, 200_000)


def test_a_prompt_may_have_8_mb() -> None:
    assert (MAX_PROMPT_BYTES, limits.MAX_JSON_BYTES) == (8_000_000, 8_000_000)


def test_a_picture_may_have_64_megapixels_and_100_mb() -> None:
    assert (MAX_PICTURE_PIXELS, limits.MAX_PICTURE_PIXELS) == (64_000_000, 64_000_000)
    assert limits.MAX_UPLOAD_BYTES == 100_000_000


def test_sign_in_links_live_ten_minutes() -> None:
    assert limits.LOGIN_LINK_MINUTES == 10
