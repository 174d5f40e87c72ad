"""How an attempt ends.

Each function is one transaction that names the attempt and does nothing if it is stale.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from webapp.assets.services import OutputContent, keep_output
from webapp.common.errors import Fault
from webapp.runs.claim import Lease, leased
from webapp.runs.models import Run, RunOutput, Status

# Two workers lost with the same run in their hands: it is the run.
MAX_LOSSES = 2
# After a lost attempt nobody knows which event numbers it used up: leave them behind.
SEQ_GAP = 10_000
AT_REST = {"current_node": "", "current_value": 0, "current_max": 0}


@dataclass(frozen=True)
class StagedOutput:
    """An output whose bytes are stored and whose rows are not yet made."""

    node: str
    index: int
    kind: str
    is_cached: bool
    content: OutputContent


@transaction.atomic
def complete(lease: Lease, outputs: Sequence[StagedOutput], *, last_seq: int) -> bool:
    """Make assets, output rows and the status at once.

    False if the attempt is stale: then nothing is made.
    """
    # One event for each output and one for the run follow; their numbers are the last ones of this run.
    seq = last_seq + len(outputs) + 1
    if not _end(lease, status=Status.SUCCEEDED, nodes_done=F("nodes_total"), event_seq=seq):
        return False
    run = Run.objects.select_related("workspace", "created_by").get(pk=lease.run_id)
    for output in outputs:
        _keep(run, output)
    return True


def fail(lease: Lease, fault: Fault, *, last_seq: int) -> bool:
    """End the run with what went wrong. False if the attempt is stale."""
    return _end(lease, status=Status.FAILED, error=vars(fault), event_seq=last_seq + 1)


def end_cancelled(lease: Lease, *, last_seq: int) -> bool:
    """End the run as its owner asked. False if the attempt is stale."""
    return _end(lease, status=Status.CANCELLED, event_seq=last_seq + 1)


@transaction.atomic
def release(lease: Lease, *, last_seq: int) -> bool:
    """Give the run back to the queue: this worker stops, and that is not the run's fault. False if stale."""
    rows = leased(lease)
    if rows.filter(status=Status.CANCELLING).exists():
        return end_cancelled(lease, last_seq=last_seq)
    return bool(rows.update(status=Status.QUEUED, worker=None, event_seq=last_seq + 1, **AT_REST))


def settle_lost(run: Run) -> bool:
    """What becomes of a run whose worker is lost: cancelled if asked for, held as poison, or queued again."""
    rows = leased(Lease(run.pk, run.attempt))
    seq = F("event_seq") + SEQ_GAP
    if run.status == Status.CANCELLING:
        return bool(rows.update(status=Status.CANCELLED, finished_at=Now(), event_seq=seq, **AT_REST))
    losses = run.losses + 1
    if losses >= MAX_LOSSES:
        error = vars(Fault(None, None, "poison", f"{losses} workers were lost while they did this run."))
        return bool(rows.update(status=Status.HELD, losses=losses, error=error, event_seq=seq, **AT_REST))
    return bool(rows.update(status=Status.QUEUED, worker=None, losses=losses, event_seq=seq, **AT_REST))


def _end(lease: Lease, **values: object) -> bool:
    return bool(leased(lease).update(finished_at=Now(), **AT_REST, **values))


def _keep(run: Run, output: StagedOutput) -> None:
    asset = keep_output(
        workspace=run.workspace, run_id=run.pk, created_by=run.created_by, content=output.content
    )
    RunOutput.objects.get_or_create(
        run=run,
        node=output.node,
        index=output.index,
        defaults={
            "kind": output.kind,
            "purpose": "temp" if output.content.is_temporary else "output",
            "is_cached": output.is_cached,
            "asset": asset,
        },
    )
