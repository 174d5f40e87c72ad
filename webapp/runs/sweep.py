"""What guarantees that work goes on: runs of lost workers return, and forgotten ones are rung for."""

import logging
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from webapp.runs.bell import ring_workers
from webapp.runs.claim import lock_queue
from webapp.runs.feed import announce_run
from webapp.runs.models import ACTIVE, Run, Status
from webapp.runs.settle import settle_lost
from webapp.runs.workers import count_idle

log = logging.getLogger(__name__)


def sweep(lost_after: timedelta) -> None:
    """Settle the runs of lost workers, then ring for idle ones while runs wait.

    Safe at any time, anywhere.
    """
    settle_lost_runs(lost_after)
    waiting = Run.objects.filter(status=Status.QUEUED).count()
    for _ in range(min(waiting, count_idle(lost_after)) if waiting else 0):
        ring_workers()


@transaction.atomic
def settle_lost_runs(lost_after: timedelta) -> None:
    """Take runs from workers silent for `lost_after`, and from former lives of restarted ones."""
    lock_queue()
    is_silent = Q(worker__heartbeat_at__lt=Now() - lost_after)
    is_former_life = Q(worker__epoch__gt=F("worker_epoch"))
    has_no_worker = Q(worker=None)
    lost = Run.objects.filter(is_silent | is_former_life | has_no_worker, status__in=ACTIVE)
    for run in lost.defer("prompt", "workflow"):
        if settle_lost(run):
            log.warning("run %s: worker %s was lost in attempt %d", run.pk, run.worker_id, run.attempt)
            transaction.on_commit(partial(announce_run, run.pk))
