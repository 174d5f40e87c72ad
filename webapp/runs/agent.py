"""The agent: one process with one device that works the queue off.

Three threads: the pool's one executes runs; the pulse renews the sign of life and hears of cancels; the
sweeper looks after the runs of others. ADR 5 says why agents sweep.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, close_old_connections

from webapp.runs.bell import ring_workers
from webapp.runs.claim import Fenced, Lease, claim_run, leased
from webapp.runs.execution import Attempt, GraphRunner, StopReason
from webapp.runs.models import Run, Status
from webapp.runs.outbox import Outbox
from webapp.runs.reporter import Progressed
from webapp.runs.sweep import sweep
from webapp.runs.workers import Identity, beat, register_worker, sign_off

PERSIST_S = 1.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rhythm:
    """How often an agent does what, in seconds."""

    heartbeat_s: float = 5
    self_fence_s: float = 20
    lost_after_s: float = 30
    sweep_s: float = 3
    cancel_poll_s: float = 0.3


class Agent:
    """Claims and executes runs until it is stopped."""

    def __init__(
        self, name: str, rhythm: Rhythm, open_runner: Callable[[], GraphRunner], on_fenced: Callable[[], None]
    ) -> None:
        """`on_fenced` ends the process: it is called once another one has started under this name."""
        self._name = name
        self._rhythm = rhythm
        self._open_runner = open_runner
        self._on_fenced = on_fenced
        self._runner: GraphRunner | None = None
        self._identity: Identity | None = None
        self._attempt: Attempt | None = None
        self._persisted: Progressed | None = None
        self._persisted_at_s = 0.0
        self._beaten_at_s = 0.0
        self._working = threading.Lock()
        self._stopping = threading.Event()
        self._outbox = Outbox()
        self._threads = (
            threading.Thread(target=self._pulse, name="pulse", daemon=True),
            threading.Thread(target=self._sweep, name="sweeper", daemon=True),
        )

    def start(self) -> None:
        """Take the name, take back what a former life under it left, and begin."""
        self._identity = register_worker(self._name)
        self._beaten_at_s = time.monotonic()
        log.info("agent %s, epoch %d", self._identity.name, self._identity.epoch)
        self._outbox.start()
        for thread in self._threads:
            thread.start()
        # Opens the runner while nobody waits yet, and works off what is there.
        ring_workers()

    def stop(self) -> None:
        """Give the current run back and take no more."""
        self._stopping.set()
        attempt = self._attempt
        if attempt is not None:
            attempt.signal.stop(StopReason.SHUTDOWN)
        with self._working:
            self._outbox.stop()
        for thread in self._threads:
            thread.join(timeout=2)
        if self._identity is not None:
            with contextlib.suppress(DatabaseError, InterfaceError):
                sign_off(self._identity)

    def work_until_idle(self) -> None:
        """Claim and execute runs until nothing waits. Returns at once while another call works."""
        if not self._working.acquire(blocking=False):
            return
        try:
            self._runner = self._runner or self._open_runner()
            while not self._stopping.is_set() and (lease := self._claim()):
                self._execute(lease, self._runner)
        except (DatabaseError, InterfaceError) as error:
            log.warning("the database failed in the middle of work: %s", error)
            # A run may be left in this life's hands: a new life gives it back.
            self._identity = None
        finally:
            self._working.release()

    def _claim(self) -> Lease | None:
        close_old_connections()
        if self._identity is None or self._is_stale():
            return None
        try:
            return claim_run(self._identity)
        except Fenced:
            self._end_fenced()
            return None

    def _execute(self, lease: Lease, runner: GraphRunner) -> None:
        log.info("run %s, attempt %d begins", lease.run_id, lease.attempt)
        try:
            attempt = Attempt(lease, self._outbox, self._is_stale)
        except Run.DoesNotExist:
            return
        self._attempt = attempt
        try:
            if self._stopping.is_set():
                attempt.signal.stop(StopReason.SHUTDOWN)
            is_settled = attempt.execute(runner)
        finally:
            self._attempt = None
        if not is_settled:
            log.warning("run %s: attempt %d was taken from this worker", lease.run_id, lease.attempt)
            # The row may still be in this life's hands, if only its fence fell: a new life gives it back.
            self._identity = None

    def _is_stale(self) -> bool:
        """Whether others may soon take this worker for lost. Asked within steps: a clock, no database."""
        return time.monotonic() - self._beaten_at_s > self._rhythm.self_fence_s

    def _pulse(self) -> None:
        while not self._stopping.wait(self._rhythm.cancel_poll_s):
            with _surviving_database_trouble("pulse"):
                self._beat_if_due()
                self._look_after_attempt()

    def _sweep(self) -> None:
        while not self._stopping.is_set():
            with _surviving_database_trouble("sweep"):
                sweep(timedelta(seconds=self._rhythm.lost_after_s))
            self._stopping.wait(self._rhythm.sweep_s)

    def _beat_if_due(self) -> None:
        now = time.monotonic()
        if self._identity is None:
            self._identity = register_worker(self._name)
            self._beaten_at_s = now
        if now - self._beaten_at_s < self._rhythm.heartbeat_s:
            return
        if beat(self._identity):
            # The time before the call: the row was written after it, never before.
            self._beaten_at_s = now
            return
        self._end_fenced()

    def _end_fenced(self) -> None:
        """Another agent has this name: take no new life under it, and tell the process to end."""
        log.error("another agent has started as %r: this one ends", self._name)
        self._stopping.set()
        attempt = self._attempt
        if attempt is not None:
            attempt.signal.stop(StopReason.LOST)
        self._on_fenced()

    def _look_after_attempt(self) -> None:
        attempt = self._attempt
        if attempt is None:
            return
        status = leased(attempt.lease).values_list("status", flat=True).first()
        if status is None:
            attempt.signal.stop(StopReason.LOST)
        elif status == Status.CANCELLING and attempt.signal.stop(StopReason.CANCELLED):
            attempt.reporter.announce(Status.CANCELLING)
        self._persist_progress(attempt)

    def _persist_progress(self, attempt: Attempt) -> None:
        progressed = attempt.reporter.snapshot()
        now = time.monotonic()
        if progressed == self._persisted or now - self._persisted_at_s < PERSIST_S:
            return
        leased(attempt.lease).update(**asdict(progressed))
        self._persisted, self._persisted_at_s = progressed, now


@contextlib.contextmanager
def _surviving_database_trouble(what: str) -> Iterator[None]:
    close_old_connections()
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        log.warning("%s: %s", what, error)
        close_old_connections()
