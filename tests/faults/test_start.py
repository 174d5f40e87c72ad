"""`manage.py start`: everything comes up, and nothing stays behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from webapp.config.environment import BASE
from webapp.config.programs import LOOPBACK, find_free_port

pytestmark = pytest.mark.slow
WAIT_S = 60.0
LOOK_S = 0.1


class Started:
    """A supervisor, known by its data folder: everything that it starts has that in its environment."""

    def __init__(self, data: Path, models: Path) -> None:
        self.data = data
        self.output = data.parent / "console"
        settings = {
            "ATELIER_DATA": str(data),
            "ATELIER_MODELS": str(models),
            "ATELIER_BIND": f"{LOOPBACK}:{find_free_port(LOOPBACK)}",
        }
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "start"],
            cwd=BASE,
            env={**os.environ, **settings},
            stdout=self.output.open("w"),
            stderr=subprocess.STDOUT,
        )

    def wait_until_ready(self) -> None:
        self._wait(lambda: "/login/" in self.output.read_text())

    def wait_until_nothing_is_left(self) -> None:
        self._wait(lambda: not self.pids())

    def pids(self) -> list[int]:
        """Processes of this service that live."""
        marker = f"ATELIER_DATA={self.data}".encode()
        return [pid for pid in _all_pids() if marker in _environment_of(pid)]

    def _wait(self, is_so: object) -> None:
        assert callable(is_so)
        deadline_s = time.monotonic() + WAIT_S
        while not is_so():
            assert time.monotonic() < deadline_s, (self.output.read_text(), self.pids())
            time.sleep(LOOK_S)


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environment_of(pid: int) -> bytes:
    try:
        return (Path("/proc") / str(pid) / "environ").read_bytes()
    except OSError:
        return b""


@pytest.fixture
def started(tmp_path: Path, models: Path) -> Iterator[Started]:
    if not Path("/proc/self/environ").exists():
        pytest.skip("processes are counted by /proc, which this system has not")
    started = Started(tmp_path / "data", models)
    started.wait_until_ready()
    yield started
    started.process.kill()
    started.process.wait()


def test_ctrl_c_stops_everything(started: Started) -> None:
    assert len(started.pids()) >= 4
    started.process.send_signal(signal.SIGINT)
    assert started.process.wait(timeout=WAIT_S) == 0
    started.wait_until_nothing_is_left()


def test_a_killed_supervisor_leaves_no_orphans(started: Started) -> None:
    started.process.kill()
    started.process.wait()
    started.wait_until_nothing_is_left()


def test_a_second_start_on_the_same_data_is_refused(started: Started) -> None:
    second = subprocess.run(
        [sys.executable, "manage.py", "start"],
        cwd=BASE,
        env={**os.environ, "ATELIER_DATA": str(started.data)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert "runs on" in second.stderr
