"""From runs to those who watch them: messages over the channel layer.

Lossy by design; the row is the truth.
"""

import logging
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db.models import Prefetch
from redis.exceptions import RedisError

from webapp.runs.models import Run, RunOutput
from webapp.runs.schemas import output_out, run_out
from webapp.runs.selectors import outputs_of

Message = dict[str, Any]
log = logging.getLogger(__name__)


def group_of(workspace_id: UUID) -> str:
    """The channel group that hears everything about a workspace's runs."""
    return f"workspace.{workspace_id.hex}"


def event_message(run_id: UUID, owner_id: UUID | None, event: Message) -> Message:
    """`event` of a run in the envelope by which consumers choose what their clients asked for."""
    return {"type": "run.event", "run": str(run_id), "owner": str(owner_id), "event": event}


def preview_message(run_id: UUID, owner_id: UUID | None, node: str, jpeg: bytes) -> Message:
    """A preview picture in the same envelope."""
    return {"type": "run.preview", "run": str(run_id), "owner": str(owner_id), "node": node, "jpeg": jpeg}


def announce_run(run_id: UUID) -> None:
    """Tell the watchers the state of a run. A broker that is away costs the event, nothing else."""
    run = _load(run_id)
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async_to_sync(layer.group_send)(group_of(run.workspace_id), _state_message(run))
    except (OSError, RedisError) as error:
        log.warning("watchers of run %s missed an event: %s", run_id, error)


def closing_messages(run_id: UUID) -> list[Message]:
    """The last events of a run: one for each output, then its state.

    Their numbers were set aside in the row.
    """
    run = _load(run_id)
    outputs = outputs_of(run)
    first_seq = run.event_seq - len(outputs)
    events = (
        {
            "type": "output",
            "seq": seq,
            "run": str(run_id),
            "output": output_out(output).model_dump(mode="json"),
        }
        for seq, output in enumerate(outputs, first_seq)
    )
    return [*(event_message(run_id, run.created_by_id, event) for event in events), _state_message(run)]


def _state_message(run: Run) -> Message:
    document = run_out(run, outputs_of(run)).model_dump(mode="json")
    return event_message(run.pk, run.created_by_id, {"type": "run", "seq": run.event_seq, "run": document})


def _load(run_id: UUID) -> Run:
    outputs = Prefetch("outputs", queryset=RunOutput.objects.select_related("asset").order_by("pk"))
    return Run.objects.defer("prompt", "workflow").prefetch_related(outputs).get(pk=run_id)
