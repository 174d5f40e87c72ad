"""From the engine's events to what watchers hear and what the row keeps.

The engine calls it: nothing waits here.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from engine import api as engine
from webapp.runs.feed import Message, event_message, group_of, preview_message
from webapp.runs.models import Run, Status
from webapp.runs.outbox import (
    PREVIEW_BURST,
    PREVIEWS_A_SECOND,
    PROGRESS_A_SECOND,
    PROGRESS_BURST,
    Letter,
    Outbox,
    TokenBucket,
)
from webapp.runs.schemas import ProgressOut, run_out


@dataclass(frozen=True)
class Progressed:
    """What the row keeps of a run's progress."""

    nodes_done: int = 0
    current_node: str = ""
    current_value: int = 0
    current_max: int = 0
    event_seq: int = 0


class Reporter:
    """Reports one attempt of one run."""

    def __init__(self, run: Run, outbox: Outbox) -> None:
        self._run_id = run.pk
        self._owner_id = run.created_by_id
        self._group = group_of(run.workspace_id)
        self._document = run_out(run, [])
        self._outbox = outbox
        self._lock = threading.Lock()
        self._seq = run.event_seq
        self._done: set[str] = set()
        self._node, self._value, self._max = "", 0, 0
        self._progress_bucket = TokenBucket(PROGRESS_BURST, PROGRESS_A_SECOND)
        self._preview_bucket = TokenBucket(PREVIEW_BURST, PREVIEWS_A_SECOND)

    def snapshot(self) -> Progressed:
        """How far the run is."""
        with self._lock:
            return Progressed(len(self._done), self._node, self._value, self._max, self._seq)

    def flush(self) -> int:
        """Send all that waits; the number of the last event sent."""
        self._outbox.flush()
        return self.snapshot().event_seq

    def on_event(self, event: engine.Event) -> None:
        """Take one event of the engine, but for outputs: those are announced once they are stored."""
        if isinstance(event, engine.NodeStarted):
            self._started(event.node)
        elif isinstance(event, engine.NodeCached):
            self._ended(event.node, "cached")
        elif isinstance(event, engine.NodeFinished):
            self._ended(event.node, "done")
        elif isinstance(event, engine.Progress):
            self._progressed(event)
        elif isinstance(event, engine.Preview):
            self._previewed(event)

    def announce(self, status: Status) -> None:
        """Tell that the run's status is now `status`, without reading the row."""
        self._post(lambda seq: {"type": "run", "run": self._state(status, seq)})

    def post_all(self, messages: Iterable[Message]) -> None:
        """Send messages that are numbered already, behind all that went before."""
        for message in messages:
            self._outbox.post(Letter(self._group, partial(_same, message)))

    def _started(self, node: str) -> None:
        with self._lock:
            self._node, self._value, self._max = node, 0, 0
        self._post_node(node, "running")

    def _ended(self, node: str, state: str) -> None:
        with self._lock:
            self._done.add(node)
        self._outbox.hurry(("progress", self._run_id, node))
        self._post_node(node, state)

    def _progressed(self, event: engine.Progress) -> None:
        with self._lock:
            self._node, self._value, self._max = event.node, event.value, event.total
        self._post(
            lambda _seq: {"type": "progress", "node": event.node, "value": event.value, "max": event.total},
            bucket=self._progress_bucket,
            replaces=("progress", self._run_id, event.node),
        )

    def _previewed(self, event: engine.Preview) -> None:
        message = preview_message(self._run_id, self._owner_id, event.node, event.jpeg)
        letter = Letter(self._group, lambda: message, self._preview_bucket)
        self._outbox.post(letter, replaces=("preview", self._run_id, event.node))

    def _post_node(self, node: str, state: str) -> None:
        self._post(lambda _seq: {"type": "node", "node": node, "state": state})

    def _post(
        self, build: Callable[[int], Message], *, bucket: TokenBucket | None = None, replaces: object = None
    ) -> None:
        self._outbox.post(Letter(self._group, lambda: self._numbered(build), bucket), replaces=replaces)

    def _numbered(self, build: Callable[[int], Message]) -> Message:
        """Called when the event is sent: coalesced ones leave no gap in the numbers."""
        with self._lock:
            self._seq += 1
            seq = self._seq
        event = {"run": str(self._run_id), "seq": seq, **build(seq)}
        return event_message(self._run_id, self._owner_id, event)

    def _state(self, status: Status, seq: int) -> Message:
        now = self.snapshot()
        progress = ProgressOut(
            done=now.nodes_done,
            total=self._document.progress.total,
            node=now.current_node or None,
            value=now.current_value,
            max=now.current_max,
        )
        update = {"status": status, "seq": seq, "progress": progress}
        return self._document.model_copy(update=update).model_dump(mode="json")


def _same(message: Message) -> Message:
    return message
