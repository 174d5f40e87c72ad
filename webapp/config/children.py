"""Child processes that end with their parent, whatever ends it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO

OnLine = Callable[[str, str], None]


@dataclass(frozen=True)
class Program:
    """What to start. `settings` go into its environment, `config` into its standard input."""

    name: str
    argv: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    config: str | None = None
    # How long it may take to end by itself.
    grace_s: float = 5


class Child:
    """A running program in a session of its own, so that a terminal's Ctrl-C reaches its parent alone.

    Start children on the main thread only: Linux ends them with the thread that made them.
    """

    def __init__(self, program: Program, on_line: OnLine) -> None:
        """Start `program`; each line that it writes is given to `on_line` with the program's name."""
        self.program = program
        self._process = subprocess.Popen(  # noqa: S603  argv is ours
            [sys.executable, "-m", "webapp.config.die_with_parent", str(os.getpid()), *program.argv],
            env={**os.environ, **program.settings, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL if program.config is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        if program.config is not None and self._process.stdin is not None:
            self._process.stdin.write(program.config)
            self._process.stdin.close()
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout, on_line), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How the process ended, or None while it runs."""
        return self._process.poll()

    def terminate(self) -> None:
        """Ask the process to end."""
        if self.exit_code is None:
            self._process.terminate()

    def kill(self) -> None:
        """End the process and whatever it started, now."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self._process.wait()

    def wait(self, timeout_s: float) -> bool:
        """Whether the process has ended within `timeout_s`."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        self._reader.join(timeout=1)
        return True

    def stop(self) -> None:
        """End the process: politely, then not."""
        self.terminate()
        if not self.wait(self.program.grace_s):
            self.kill()

    def _read(self, output: IO[str] | None, on_line: OnLine) -> None:
        for line in output or ():
            on_line(self.program.name, line.rstrip("\n"))
