"""One attempt of one run, from lease to end."""

import logging
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from django.db import InterfaceError, OperationalError, close_old_connections

from engine import api as engine
from webapp.assets.selectors import find_by_reference
from webapp.assets.storage import read_asset
from webapp.common.errors import Fault
from webapp.runs.claim import Lease, leased
from webapp.runs.feed import closing_messages
from webapp.runs.models import Status
from webapp.runs.outbox import Outbox
from webapp.runs.reporter import Reporter
from webapp.runs.settle import StagedOutput, complete, end_cancelled, fail, release
from webapp.runs.staging import OutputStage
from webapp.workspaces.models import Workspace

RETRY_S = 0.5
INTERNAL = Fault(None, None, "internal", "Something went wrong in the worker. It has been logged.")
log = logging.getLogger(__name__)


class GraphRunner(Protocol):
    """What executes graphs: the engine's Runner, or a fake of ours in tests."""

    def run(
        self,
        graph: engine.Graph,
        *,
        scope: str,
        workflow: object | None,
        is_cancelled: Callable[[], bool],
        find_input: Callable[[str], engine.InputFile],
        on_event: Callable[[engine.Event], None],
    ) -> object:
        """Run `graph` to its end. Raises EngineError."""
        ...


class StopReason(StrEnum):
    """Why an attempt is asked to stop."""

    CANCELLED = "cancelled"
    LOST = "lost"
    SHUTDOWN = "shutdown"


class StopSignal:
    """Asks a running attempt to stop; the first reason stands.

    Set, too, once this worker must fence itself.
    """

    def __init__(self, is_fenced: Callable[[], bool]) -> None:
        self._is_fenced = is_fenced
        self._lock = threading.Lock()
        self._reason: StopReason | None = None

    def stop(self, reason: StopReason) -> bool:
        """Ask to stop. True with the first call."""
        with self._lock:
            is_first = self._reason is None
            self._reason = self._reason or reason
            return is_first

    def is_set(self) -> bool:
        """Whether to stop. Looked at in every step: no input or output here."""
        return self.reason is not None

    @property
    def reason(self) -> StopReason | None:
        """Why to stop, or None to go on."""
        if self._reason is None and self._is_fenced():
            self.stop(StopReason.LOST)
        return self._reason


class Attempt:
    """One attempt of one run by this process. The agent's pulse looks after it from another thread."""

    def __init__(self, lease: Lease, outbox: Outbox, is_fenced: Callable[[], bool]) -> None:
        """Raises Run.DoesNotExist when the lease is stale already."""
        self.lease = lease
        self.signal = StopSignal(is_fenced)
        self._run = leased(lease).select_related("workspace").get()
        self.reporter = Reporter(self._run, outbox)

    def execute(self, runner: GraphRunner) -> bool:
        """Run the graph and settle the run. False if the run was taken from this worker.

        Raises only what the database raises until the fence falls.
        """
        self.reporter.announce(Status.RUNNING)
        try:
            outputs = self._run_graph(runner)
        except engine.Cancelled:
            return self._settle_stopped()
        except engine.EngineError as error:
            log.info("run %s failed: %s", self.lease.run_id, error)
            return self._settle_failed(fault_of(error))
        except Exception:
            log.exception("run %s, attempt %d failed unexpectedly", self.lease.run_id, self.lease.attempt)
            return self._settle_failed(INTERNAL)
        return self._settle(lambda last_seq: complete(self.lease, outputs, last_seq=last_seq))

    def _run_graph(self, runner: GraphRunner) -> list[StagedOutput]:
        with OutputStage(self._run.workspace_id) as stage:

            def on_event(event: engine.Event) -> None:
                if isinstance(event, engine.Output):
                    stage.put(event)
                else:
                    self.reporter.on_event(event)

            runner.run(
                engine.parse_prompt(self._run.prompt),
                scope=str(self._run.workspace_id),
                workflow=self._run.workflow,
                is_cancelled=self.signal.is_set,
                find_input=input_finder(self._run.workspace),
                on_event=on_event,
            )
            return stage.finish()

    def _settle_stopped(self) -> bool:
        reason = self.signal.reason
        if reason == StopReason.CANCELLED:
            return self._settle(lambda last_seq: end_cancelled(self.lease, last_seq=last_seq))
        if reason == StopReason.SHUTDOWN:
            return self._settle(lambda last_seq: release(self.lease, last_seq=last_seq))
        return False

    def _settle_failed(self, fault: Fault) -> bool:
        return self._settle(lambda last_seq: fail(self.lease, fault, last_seq=last_seq))

    def _settle(self, settle: Callable[[int], bool]) -> bool:
        last_seq = self.reporter.flush()
        is_settled = self._insist(lambda: settle(last_seq))
        if is_settled:
            self.reporter.post_all(closing_messages(self.lease.run_id))
        return is_settled

    def _insist(self, settle: Callable[[], bool]) -> bool:
        """Settle through short outages of the database: what has been computed is worth some patience."""
        while True:
            try:
                return settle()
            except (OperationalError, InterfaceError):
                if self.signal.reason == StopReason.LOST:
                    raise
                time.sleep(RETRY_S)
                close_old_connections()


def fault_of(error: engine.EngineError) -> Fault:
    """`error` in words for people, with the node and input that it is about."""
    if isinstance(error, engine.GraphInvalid) and error.problems:
        first = error.problems[0]
        return Fault(first.node, first.input, first.code, first.message)
    if isinstance(error, engine.NodeFailed):
        return Fault(error.node, error.input, error.code, error.message)
    return Fault(None, None, error.code, str(error))


def input_finder(workspace: Workspace) -> Callable[[str], engine.InputFile]:
    """A function that gives the engine a workspace's assets by `asset:<sha256>` or name, and no others."""

    def find_input(name: str) -> engine.InputFile:
        asset = find_by_reference(workspace, name)
        if asset is None:
            raise engine.InputUnreadable(f"there is no asset {name!r} in this workspace any more")
        return engine.InputFile(name=asset.name, read=lambda: read_asset(asset), digest=asset.sha256)

    return find_input
