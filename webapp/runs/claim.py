"""Taking a run from the queue, and the lease that results.

A claim is one transaction: on Postgres under an advisory lock, so that choices are made one after the
other, on SQLite under its one write lock. The attempt number that it sets is the fencing token of
everything that follows.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Now

from webapp.runs.models import ACTIVE, Run, Status
from webapp.runs.policy import LOOKAHEAD, Candidate, choose
from webapp.runs.workers import Identity, current

# Any number will do, as long as nobody else locks by it.
QUEUE_LOCK = 0x41_54_45_4C


class Fenced(Exception):
    """This worker's name was taken over by a later start."""


@dataclass(frozen=True)
class Lease:
    """The right to write about one attempt of one run."""

    run_id: UUID
    attempt: int


@transaction.atomic
def claim_run(identity: Identity) -> Lease | None:
    """The next run for this worker, or None if nothing waits. Raises Fenced."""
    lock_queue()
    if not current(identity).exists():
        raise Fenced(identity.name)
    waiting = Run.objects.select_for_update(skip_locked=True).filter(status=Status.QUEUED).order_by("pk")
    chosen = choose([Candidate(run_id) for run_id in waiting.values_list("pk", flat=True)[:LOOKAHEAD]])
    if chosen is None:
        return None
    rows = Run.objects.filter(pk=chosen.run_id)
    rows.update(
        status=Status.RUNNING,
        attempt=F("attempt") + 1,
        worker_id=identity.worker_id,
        worker_epoch=identity.epoch,
        started_at=Coalesce("started_at", Now()),
        nodes_done=0,
        current_node="",
        current_value=0,
        current_max=0,
    )
    return Lease(chosen.run_id, rows.values_list("attempt", flat=True).get())


def leased(lease: Lease) -> "QuerySet[Run]":
    """The run's row as long as the lease holds: a stale one finds, and so changes, nothing."""
    return Run.objects.filter(pk=lease.run_id, attempt=lease.attempt, status__in=ACTIVE)


def lock_queue() -> None:
    """Hold the queue until the transaction ends. SQLite's transactions exclude each other anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [QUEUE_LOCK])
