"""From runs to the people who watch them: messages over the channel layer. Lossy by design; the row is the truth."""

import logging
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db.models import Prefetch
from redis.exceptions import RedisError

from webapp.runs.models import Run, RunOutput
from webapp.runs.schemas import run_out
from webapp.runs.selectors import outputs_of

log = logging.getLogger(__name__)


def group_of(workspace_id: UUID) -> str:
    """The channel group that hears everything about a workspace's runs."""
    return f"workspace.{workspace_id.hex}"


def announce_run(run_id: UUID) -> None:
    """Tell the watchers the state of a run."""
    outputs = Prefetch("outputs", queryset=RunOutput.objects.select_related("asset").order_by("pk"))
    run = Run.objects.defer("prompt", "workflow").prefetch_related(outputs).get(pk=run_id)
    document = run_out(run, outputs_of(run)).model_dump(mode="json")
    send(run, {"type": "run", "seq": run.event_seq, "run": document})


def send(run: Run, event: dict[str, Any]) -> None:
    """Send one event of `run`. A broker that is away costs the event, nothing else."""
    message = {"type": "run.event", "run": str(run.pk), "owner": str(run.created_by_id), "event": event}
    _send(group_of(run.workspace_id), message)


def send_preview(run: Run, node: str, jpeg: bytes) -> None:
    """Send one preview picture of `run`."""
    message = {
        "type": "run.preview",
        "run": str(run.pk),
        "owner": str(run.created_by_id),
        "node": node,
        "jpeg": jpeg,
    }
    _send(group_of(run.workspace_id), message)


def _send(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async_to_sync(layer.group_send)(group, message)
    except (OSError, RedisError) as error:
        log.warning("watchers of %s missed an event: %s", group, error)
