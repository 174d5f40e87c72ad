"""The broker loses everything, or goes away and comes back: no run is lost."""

import pytest

from tests.faults.client import Studio
from tests.faults.prompts import sized
from tests.stack import Stack

pytestmark = pytest.mark.slow


def test_a_wiped_broker_loses_no_run(stack: Stack, studio: Studio) -> None:
    run_id = studio.start_run(sized(studio, steps=4))
    with stack.broker() as broker:
        broker.flushall()
    stack.start_agent("first")
    assert studio.wait_for_end(run_id)["status"] == "succeeded", stack.log()


def test_runs_go_on_after_the_broker_comes_back(stack: Stack, studio: Studio) -> None:
    stack.start_agent("first")
    before = studio.start_run(sized(studio, steps=4))
    studio.wait_for_end(before)
    stack.kill_broker()
    during = studio.start_run(sized(studio, steps=4, seed=2))
    stack.start_broker()
    assert studio.wait_for_end(during)["status"] == "succeeded", stack.log()
