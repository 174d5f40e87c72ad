"""The agent around a fake runner: success, failure, cancel, shutdown, loss."""

import threading
from collections.abc import Callable

import pytest

from engine import api as engine
from tests.webapp.conftest import Caller
from tests.webapp.fake_runner import FakeRunner
from tests.webapp.prompts import text_to_image
from webapp.runs.agent import Agent
from webapp.runs.claim import leased
from webapp.runs.models import Run, Worker

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_S = 10


@pytest.fixture
def run_id(as_alice: Caller) -> str:
    run_id: str = as_alice.post("runs", {"prompt": text_to_image()}).json()["id"]
    return run_id


@pytest.fixture
def while_running(agent: Agent, runner: FakeRunner) -> Callable[[Callable[[], object]], None]:
    """Lets the agent begin, does something meanwhile, and waits for the agent."""

    def meanwhile(act: Callable[[], object]) -> None:
        runner.waits = True
        work = threading.Thread(target=agent.work_until_idle)
        work.start()
        assert runner.is_waiting.wait(PATIENCE_S)
        act()
        work.join(PATIENCE_S)
        assert not work.is_alive()

    return meanwhile


def test_a_run_succeeds(run_id: str, agent: Agent, as_alice: Caller) -> None:
    agent.work_until_idle()
    run = as_alice.get(f"runs/{run_id}").json()
    assert run["status"] == "succeeded"
    assert run["progress"]["done"] == run["progress"]["total"]


def test_all_that_waits_is_done_on_one_bell(agent: Agent, runner: FakeRunner, as_alice: Caller) -> None:
    for seed in range(3):
        as_alice.post("runs", {"prompt": text_to_image(seed=seed)})
    agent.work_until_idle()
    assert runner.runs == 3


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            engine.NodeFailed("3", "KSampler", "it broke", ValueError()),
            {"node": "3", "input": None, "code": "node_failed", "message": "it broke"},
        ),
        (
            engine.GraphInvalid([engine.Problem("4", "ckpt_name", "missing_file", "it is gone")]),
            {"node": "4", "input": "ckpt_name", "code": "missing_file", "message": "it is gone"},
        ),
        (
            engine.OutOfMemory("the card is full"),
            {"node": None, "input": None, "code": "out_of_memory", "message": "the card is full"},
        ),
    ],
)
def test_a_failed_run_names_the_node(
    error: Exception, expected: object, run_id: str, agent: Agent, runner: FakeRunner, as_alice: Caller
) -> None:
    runner.raises = error
    agent.work_until_idle()
    run = as_alice.get(f"runs/{run_id}").json()
    assert (run["status"], run["error"]) == ("failed", expected)


def test_an_unforeseen_error_is_told_without_its_words(
    run_id: str, agent: Agent, runner: FakeRunner, as_alice: Caller
) -> None:
    runner.raises = RuntimeError("/home/someone/secret path")
    agent.work_until_idle()
    error = as_alice.get(f"runs/{run_id}").json()["error"]
    assert error["code"] == "internal"
    assert "secret" not in error["message"]


def test_the_agent_lives_on_after_a_failed_run(
    run_id: str, agent: Agent, runner: FakeRunner, as_alice: Caller
) -> None:
    runner.raises = RuntimeError()
    agent.work_until_idle()
    runner.raises = None
    second = as_alice.post("runs", {"prompt": text_to_image(seed=2)}).json()["id"]
    agent.work_until_idle()
    assert as_alice.get(f"runs/{second}").json()["status"] == "succeeded"


def test_a_running_run_is_cancelled_within_a_step(
    run_id: str, while_running: Callable[[Callable[[], object]], None], as_alice: Caller
) -> None:
    while_running(lambda: as_alice.post(f"runs/{run_id}/cancel", {}))
    assert as_alice.get(f"runs/{run_id}").json()["status"] == "cancelled"


def test_a_stopped_agent_gives_its_run_back(
    run_id: str, while_running: Callable[[Callable[[], object]], None], agent: Agent
) -> None:
    while_running(agent.stop)
    run = Run.objects.get()
    assert (run.status, run.losses) == ("queued", 0)


def test_a_run_that_was_taken_away_is_left_alone(
    run_id: str, while_running: Callable[[Callable[[], object]], None]
) -> None:
    while_running(lambda: Run.objects.update(attempt=7))
    assert Run.objects.get().status == "running"


def test_a_second_agent_of_the_same_name_ends_the_first(
    run_id: str, while_running: Callable[[Callable[[], object]], None]
) -> None:
    while_running(lambda: Worker.objects.update(epoch=99))
    # A sweep may have put it back already; nobody of this name took it again.
    run = Run.objects.get()
    assert (run.status in {"running", "queued"}, run.attempt) == (True, 1)
    assert Worker.objects.get().epoch == 99


def test_an_agent_that_lost_a_run_begins_a_new_life(
    run_id: str, while_running: Callable[[Callable[[], object]], None], agent: Agent
) -> None:
    epoch = Worker.objects.get().epoch
    while_running(lambda: Run.objects.update(attempt=7))
    deadline = threading.Event()
    while Worker.objects.get().epoch == epoch:
        assert not deadline.wait(0.01)
    assert Worker.objects.get().epoch == epoch + 1


def test_outputs_of_two_runs_with_the_same_bytes_are_one_asset(
    agent: Agent, runner: FakeRunner, as_alice: Caller
) -> None:
    for seed in range(2):
        as_alice.post("runs", {"prompt": text_to_image(seed=seed)})
        runner.runs = 0
        agent.work_until_idle()
    runs = as_alice.get("runs").json()["items"]
    assets = {run["outputs"][0]["asset"]["id"] for run in runs}
    assert len(runs) == 2
    assert len(assets) == 1


def test_a_stale_lease_finds_no_run(run_id: str, agent: Agent) -> None:
    agent.work_until_idle()
    run = Run.objects.get()
    assert not leased(_lease(run)).exists()


def _lease(run: Run) -> object:
    from webapp.runs.claim import Lease

    return Lease(run.pk, run.attempt)
