"""Keeps the programs of one machine running: starts them, restarts those that end, stops them in order."""

import re
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TextIO

from webapp.config.children import Child, Program

POLL_S = 0.2
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
# Whoever ran this long has recovered: its next end is a new story.
HEALTHY_S = 60.0
# INT and TERM often come together; only a second wish after that is one.
SECOND_WISH_S = 1.0
MAX_LOG_BYTES = 10_000_000
# A line in our own format: date, time, level. The broker's warnings about the machine stay in its file.
LOUD = re.compile(r"^\S+ \S+ (WARNING|ERROR|CRITICAL) ")


class Logs:
    """Everything that children write goes to a file each; what a person should know also to the console."""

    def __init__(self, folder: Path, console: TextIO) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._console = console
        self._lock = threading.Lock()

    def on_line(self, name: str, line: str) -> None:
        """Keep one line of a child."""
        with self._lock:
            with self.path(name).open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
            if LOUD.match(line):
                self._console.write(f"{name:>7} | {line}\n")
                self._console.flush()

    def say(self, line: str) -> None:
        """Tell the person at the console."""
        with self._lock:
            self._console.write(f"{line}\n")
            self._console.flush()

    def path(self, name: str) -> Path:
        """The log file of a child."""
        return self._folder / f"{name}.log"

    def rotate(self, name: str) -> None:
        """Put a log aside that has grown large; one older one is kept."""
        path = self.path(name)
        if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))


@dataclass
class _Kept:
    """A program that is kept running."""

    program: Program
    child: Child
    started_at_s: float
    pause_s: float = FIRST_PAUSE_S
    restart_at_s: float | None = None


class Supervisor:
    """Runs on the main thread: the children's lives hang on it."""

    def __init__(self, logs: Logs, clock: Callable[[], float] = time.monotonic) -> None:
        self._logs = logs
        self._clock = clock
        self._kept: list[_Kept] = []
        self._asked_to_stop_at_s: float | None = None

    def start(self, program: Program) -> Child:
        """Start `program` and keep it running from now on."""
        self._logs.rotate(program.name)
        child = Child(program, self._logs.on_line)
        self._kept.append(_Kept(program, child, self._clock()))
        return child

    def watch_signals(self) -> None:
        """Let Ctrl-C and SIGTERM stop everything; a second one stops it at once."""
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)

    @property
    def is_stopping(self) -> bool:
        """Whether somebody asked for the end."""
        return self._asked_to_stop_at_s is not None

    def run(self) -> None:
        """Look after the children until asked to stop."""
        while not self.is_stopping:
            for kept in self._kept:
                self._look_after(kept)
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Stop the children, last started first."""
        for kept in reversed(self._kept):
            kept.child.stop()

    def _look_after(self, kept: _Kept) -> None:
        now = self._clock()
        if kept.child.exit_code is None:
            if now - kept.started_at_s > HEALTHY_S:
                kept.pause_s = FIRST_PAUSE_S
            return
        if kept.restart_at_s is None:
            self._logs.say(
                f"{kept.program.name:>7} | ended with {kept.child.exit_code}, starts again "
                f"in {kept.pause_s:.0f} s; see {self._logs.path(kept.program.name)}"
            )
            kept.restart_at_s = now + kept.pause_s
            kept.pause_s = min(2 * kept.pause_s, LONGEST_PAUSE_S)
        elif now >= kept.restart_at_s:
            kept.child = Child(kept.program, self._logs.on_line)
            kept.started_at_s, kept.restart_at_s = now, None

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        now = self._clock()
        if self._asked_to_stop_at_s is None:
            self._asked_to_stop_at_s = now
            self._logs.say("\nStopping. Ctrl-C again to stop at once.")
        elif now - self._asked_to_stop_at_s > SECOND_WISH_S:
            kill_all([kept.child for kept in self._kept])


def kill_all(children: Sequence[Child]) -> None:
    """End `children` now."""
    for child in children:
        child.kill()
