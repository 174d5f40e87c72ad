"""Claims, leases, and what becomes of the runs of lost workers."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.db.models.functions import Now

from tests.webapp.pictures import make_png
from webapp.accounts.models import User
from webapp.assets.models import Asset
from webapp.assets.services import OutputContent
from webapp.assets.storage import store_bytes
from webapp.common.errors import Fault
from webapp.runs.claim import Fenced, Lease, claim_run
from webapp.runs.models import Run, RunOutput, Status, Worker
from webapp.runs.settle import StagedOutput, complete, end_cancelled, fail, release
from webapp.runs.sweep import settle_lost_runs
from webapp.runs.workers import Identity, beat, count_idle, register_worker, sign_off
from webapp.workspaces.models import Workspace

LOST_AFTER = timedelta(seconds=30)
THREADS = 4
RUNS = 24


def queue_run(workspace: Workspace, user: User) -> Run:
    return Run.objects.create(workspace=workspace, created_by=user, prompt={"1": {}}, nodes_total=1)


@pytest.fixture
def run(workspace: Workspace, alice: User) -> Run:
    return queue_run(workspace, alice)


@pytest.fixture
def worker(db: None) -> Identity:
    return register_worker("one")


@pytest.fixture
def lease(run: Run, worker: Identity) -> Lease:
    found = claim_run(worker)
    assert found is not None
    return found


@pytest.fixture
def staged(workspace: Workspace) -> StagedOutput:
    stored = store_bytes(str(workspace.id), make_png())
    content = OutputContent(stored, "image/png", "cat", ".png", 2, 2, is_temporary=False)
    return StagedOutput("9", 0, "image", is_cached=False, content=content)


def silence(worker: Identity) -> None:
    Worker.objects.filter(pk=worker.worker_id).update(heartbeat_at=Now() - timedelta(seconds=31))


def status_of(run: Run) -> str:
    run.refresh_from_db()
    return run.status


def test_the_oldest_run_is_claimed_first(workspace: Workspace, alice: User, worker: Identity) -> None:
    runs = [queue_run(workspace, alice) for _ in range(3)]
    claimed = [claim_run(worker), claim_run(worker), claim_run(worker)]
    assert [lease.run_id for lease in claimed if lease] == [run.pk for run in runs]


def test_a_claimed_run_is_running_in_its_first_attempt(run: Run, lease: Lease) -> None:
    assert status_of(run) == Status.RUNNING
    assert (lease.run_id, lease.attempt) == (run.pk, 1)
    assert run.started_at is not None


def test_an_empty_queue_gives_nothing(worker: Identity) -> None:
    assert claim_run(worker) is None


def test_a_former_life_of_a_worker_claims_nothing(run: Run, worker: Identity) -> None:
    register_worker("one")
    with pytest.raises(Fenced):
        claim_run(worker)


def test_a_former_life_of_a_worker_hears_so_with_its_next_beat(worker: Identity) -> None:
    register_worker("one")
    assert not beat(worker)


@pytest.mark.django_db(transaction=True)
def test_many_workers_claim_each_run_once(workspace: Workspace, alice: User) -> None:
    runs = {queue_run(workspace, alice).pk for _ in range(RUNS)}
    start = threading.Barrier(THREADS)

    def claim_all(number: int) -> list[UUID]:
        worker = register_worker(f"worker {number}")
        start.wait()
        claimed = []
        while lease := claim_run(worker):
            claimed.append(lease.run_id)
        connection.close()
        return claimed

    with ThreadPoolExecutor(THREADS) as pool:
        claimed = [run for share in pool.map(claim_all, range(THREADS)) for run in share]
    assert len(claimed) == RUNS
    assert set(claimed) == runs


def test_completing_makes_asset_output_and_status(run: Run, lease: Lease, staged: StagedOutput) -> None:
    assert complete(lease, [staged], last_seq=5)
    assert status_of(run) == Status.SUCCEEDED
    assert (run.event_seq, run.nodes_done) == (7, 1)
    assert [output.asset.name for output in run.outputs.all()] == ["cat_00001_.png"]


def test_completing_twice_makes_everything_once(lease: Lease, staged: StagedOutput) -> None:
    complete(lease, [staged], last_seq=5)
    assert not complete(lease, [staged], last_seq=5)
    assert (Asset.objects.count(), RunOutput.objects.count()) == (1, 1)


def test_a_stale_attempt_makes_nothing(
    run: Run, lease: Lease, worker: Identity, staged: StagedOutput
) -> None:
    silence(worker)
    settle_lost_runs(LOST_AFTER)
    claim_run(register_worker("two"))
    assert not complete(lease, [staged], last_seq=5)
    assert Asset.objects.count() == 0
    assert status_of(run) == Status.RUNNING


@pytest.mark.parametrize("settle", [end_cancelled, release])
def test_a_stale_attempt_settles_nothing(settle: object, run: Run, lease: Lease, worker: Identity) -> None:
    silence(worker)
    settle_lost_runs(LOST_AFTER)
    assert callable(settle)
    assert not settle(lease, last_seq=5)
    assert status_of(run) == Status.QUEUED


def test_a_failed_run_says_why(run: Run, lease: Lease) -> None:
    fail(lease, Fault("3", "steps", "node_failed", "too many"), last_seq=1)
    assert status_of(run) == Status.FAILED
    assert run.error == {"node": "3", "input": "steps", "code": "node_failed", "message": "too many"}


def test_a_released_run_waits_again_without_a_mark(run: Run, lease: Lease) -> None:
    release(lease, last_seq=1)
    assert status_of(run) == Status.QUEUED
    assert run.losses == 0


def test_releasing_a_run_that_is_being_cancelled_cancels_it(run: Run, lease: Lease) -> None:
    Run.objects.update(status=Status.CANCELLING)
    release(lease, last_seq=1)
    assert status_of(run) == Status.CANCELLED


def test_the_runs_of_a_silent_worker_return_to_the_queue(run: Run, lease: Lease, worker: Identity) -> None:
    silence(worker)
    settle_lost_runs(LOST_AFTER)
    assert status_of(run) == Status.QUEUED
    assert run.losses == 1


def test_the_runs_of_a_living_worker_stay(run: Run, lease: Lease) -> None:
    settle_lost_runs(LOST_AFTER)
    assert status_of(run) == Status.RUNNING


def test_the_runs_of_a_restarted_worker_return_at_once(run: Run, lease: Lease) -> None:
    register_worker("one")
    settle_lost_runs(LOST_AFTER)
    assert status_of(run) == Status.QUEUED


def test_a_cancelled_run_of_a_lost_worker_ends(run: Run, lease: Lease, worker: Identity) -> None:
    Run.objects.update(status=Status.CANCELLING)
    silence(worker)
    settle_lost_runs(LOST_AFTER)
    assert status_of(run) == Status.CANCELLED


def test_a_run_that_two_workers_were_lost_with_is_held(run: Run, lease: Lease, worker: Identity) -> None:
    silence(worker)
    settle_lost_runs(LOST_AFTER)
    second = register_worker("two")
    claim_run(second)
    silence(second)
    settle_lost_runs(LOST_AFTER)
    assert status_of(run) == Status.HELD
    assert run.error["code"] == "poison"


def test_event_numbers_grow_over_a_lost_attempt(run: Run, lease: Lease, worker: Identity) -> None:
    silence(worker)
    settle_lost_runs(LOST_AFTER)
    before = run.event_seq
    run.refresh_from_db()
    assert run.event_seq >= before + 1_000


def test_busy_and_gone_workers_are_not_idle(lease: Lease) -> None:
    register_worker("idle")
    sign_off(register_worker("gone"))
    assert count_idle(LOST_AFTER) == 1
