"""An agent dies in the middle of a run: the run is done, once."""

from typing import Any

import pytest

from tests.faults.client import Studio
from tests.faults.prompts import sized
from tests.stack import Stack

pytestmark = pytest.mark.slow
LONG = 150


def is_stepping(run: Any) -> bool:
    return bool(run["progress"]["value"] > 0)


def test_the_next_agent_does_the_run_of_a_killed_one_once(stack: Stack, studio: Studio) -> None:
    stack.start_agent("first")
    run_id = studio.start_run(sized(studio, steps=LONG))
    studio.wait_for(run_id, is_stepping)
    stack.kill_agent()
    stack.start_agent("second")
    run = studio.wait_for_end(run_id)
    assert run["status"] == "succeeded", stack.log()
    assert len(run["outputs"]) == 1
    assert len(studio.assets()) == 1


def test_an_agent_that_restarts_takes_its_run_back_at_once(stack: Stack, studio: Studio) -> None:
    stack.start_agent("only")
    run_id = studio.start_run(sized(studio, steps=LONG))
    studio.wait_for(run_id, is_stepping)
    stack.kill_agent()
    stack.start_agent("only")
    assert studio.wait_for_end(run_id)["status"] == "succeeded", stack.log()


def test_a_run_that_takes_two_agents_down_is_held(stack: Stack, studio: Studio) -> None:
    stack.start_agent("first")
    run_id = studio.start_run(sized(studio, steps=LONG))
    studio.wait_for(run_id, is_stepping)
    stack.kill_agent()
    stack.start_agent("first")
    studio.wait_for(run_id, lambda run: run["attempt"] == 2 and is_stepping(run))
    stack.kill_agent()
    stack.start_agent("first")
    run = studio.wait_for(run_id, lambda run: run["status"] == "held")
    assert run["error"]["code"] == "poison"


def test_an_agent_that_is_stopped_gives_its_run_back_without_a_mark(stack: Stack, studio: Studio) -> None:
    stack.start_agent("first")
    run_id = studio.start_run(sized(studio, steps=LONG))
    studio.wait_for(run_id, is_stepping)
    stack.stop_agent()
    assert studio.run(run_id)["status"] == "queued", stack.log()


def test_cancelling_a_running_run_ends_it(stack: Stack, studio: Studio) -> None:
    stack.start_agent("first")
    run_id = studio.start_run(sized(studio, steps=LONG))
    studio.wait_for(run_id, is_stepping)
    assert studio.cancel(run_id)["status"] == "cancelling"
    assert studio.wait_for_end(run_id)["status"] == "cancelled"
