"""Storing outputs on a thread of their own, so that the device goes on meanwhile."""

import queue
import threading
from dataclasses import dataclass
from types import TracebackType
from uuid import UUID

from engine import api as engine
from webapp.assets.services import OutputContent
from webapp.assets.storage import store_bytes
from webapp.runs.settle import StagedOutput

# Decoded pictures wait here in memory: when storage is slower than the device, the device waits.
MAX_WAITING = 8


@dataclass(frozen=True)
class _End:
    """The last item of the queue."""


class OutputStage:
    """Takes outputs of one run, stores their bytes, and gives what is needed to make rows of them."""

    def __init__(self, workspace_id: UUID) -> None:
        self._workspace_id = str(workspace_id)
        self._waiting: queue.Queue[engine.Output | _End] = queue.Queue(MAX_WAITING)
        self._staged: dict[tuple[str, int], StagedOutput] = {}
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._store_all, name="staging", daemon=True)

    def __enter__(self) -> "OutputStage":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread.is_alive():
            self._waiting.put(_End())
            self._thread.join()

    def put(self, output: engine.Output) -> None:
        """Store `output` soon."""
        self._waiting.put(output)

    def finish(self) -> list[StagedOutput]:
        """All outputs, stored, in the order of their making. Raises what storing one of them raised."""
        self._waiting.put(_End())
        self._thread.join()
        if self._error is not None:
            raise self._error
        return list(self._staged.values())

    def _store_all(self) -> None:
        while not isinstance(output := self._waiting.get(), _End):
            # After an error the queue is still emptied: the engine must not wait for a full one for ever.
            if self._error is None:
                self._store(output)

    def _store(self, output: engine.Output) -> None:
        try:
            self._staged[output.node, output.index] = self._stage(output)
        except Exception as error:  # noqa: BLE001  raised again by finish(), on the thread that can act on it
            self._error = error

    def _stage(self, output: engine.Output) -> StagedOutput:
        file = output.file
        content = OutputContent(
            stored=store_bytes(self._workspace_id, file.content),
            media_type=file.media_type,
            prefix=file.prefix,
            suffix=file.suffix,
            width=file.width or None,
            height=file.height or None,
            is_temporary=file.purpose == "temp",
        )
        return StagedOutput(output.node, output.index, file.kind, output.cached, content)
