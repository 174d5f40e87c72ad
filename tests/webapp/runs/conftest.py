"""An agent with a fake runner."""

from collections.abc import Iterator

import pytest

from tests.webapp.fake_runner import FakeRunner
from webapp.runs.agent import Agent, Rhythm

# Quick, so that no test waits for a clock.
RHYTHM = Rhythm(heartbeat_s=0.05, self_fence_s=5, lost_after_s=10, sweep_s=0.05, cancel_poll_s=0.01)


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner()


@pytest.fixture
def agent(transactional_db: None, runner: FakeRunner) -> Iterator[Agent]:
    """A started agent; tests let it work when they want."""
    agent = Agent("agent", RHYTHM, lambda: runner, on_fenced=lambda: None)
    agent.start()
    yield agent
    agent.stop()
