"""Worker rows: who is there. All times are the database's."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Now

from webapp.runs.models import ACTIVE, Run, Worker


@dataclass(frozen=True)
class Identity:
    """One life of a worker: its row, and which start of it this is."""

    worker_id: int
    name: str
    epoch: int


@transaction.atomic
def register_worker(name: str) -> Identity:
    """A new life under `name`. What the former one held is lost to it from now on."""
    Worker.objects.get_or_create(name=name, defaults={"heartbeat_at": Now(), "started_at": Now()})
    rows = Worker.objects.filter(name=name)
    rows.update(epoch=F("epoch") + 1, heartbeat_at=Now(), started_at=Now())
    worker = rows.get()
    return Identity(worker.pk, name, worker.epoch)


def beat(identity: Identity) -> bool:
    """A sign of life. False: a later start has taken the name, and this process is nobody any more."""
    return bool(current(identity).update(heartbeat_at=Now()))


def sign_off(identity: Identity) -> None:
    """Say that this worker is gone, so that nobody waits for it."""
    current(identity).update(heartbeat_at=Now() - timedelta(days=1))


def current(identity: Identity) -> "QuerySet[Worker]":
    """The worker's row, as long as this life of it is the latest."""
    return Worker.objects.filter(pk=identity.worker_id, epoch=identity.epoch)


def count_idle(lost_after: timedelta) -> int:
    """How many living workers hold no run."""
    busy = Run.objects.filter(worker=OuterRef("pk"), status__in=ACTIVE)
    return Worker.objects.filter(~Exists(busy), heartbeat_at__gte=Now() - lost_after).count()
