"""The real stack on a real Postgres: the same path as on SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.client import Studio
from tests.faults.prompts import sized
from tests.postgres import fresh_database
from tests.stack import Stack

pytestmark = pytest.mark.slow


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with fresh_database() as url:
        stack = Stack(tmp_path / "data", url)
        stack.start()
        yield stack
        stack.stop()


def test_a_run_becomes_an_asset(stack: Stack, studio: Studio) -> None:
    stack.start_agent("only")
    run = studio.wait_for_end(studio.start_run(sized(studio, steps=3)))
    assert run["status"] == "succeeded", stack.log()
    assert [output["asset"]["media_type"] for output in run["outputs"]] == ["image/png"]


def test_two_agents_share_the_queue_and_each_run_is_done_once(stack: Stack, studio: Studio) -> None:
    runs = [studio.start_run(sized(studio, steps=3, seed=seed)) for seed in range(6)]
    stack.start_agent("first")
    stack.start_agent("second")
    assert [studio.wait_for_end(run)["attempt"] for run in runs] == [1] * 6
    assert len(studio.assets()) == 6
