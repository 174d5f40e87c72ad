"""`manage.py start`: everything comes up, and nothing stays behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from webapp.config.environment import BASE
from webapp.config.programs import LOOPBACK, find_free_port

pytestmark = pytest.mark.slow
WAIT_S = 60.0
LOOK_S = 0.1


class Started:
    """A supervisor with the programs that it has started."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.output = data.parent / "console"
        settings = {
            "ATELIER_DATA": str(data),
            "ATELIER_MODELS": "",
            "ATELIER_BIND": f"{LOOPBACK}:{find_free_port(LOOPBACK)}",
        }
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "start"],
            cwd=BASE,
            env={**os.environ, **settings},
            stdout=self.output.open("w"),
            stderr=subprocess.STDOUT,
        )
        _wait(lambda: "/login/" in self.output.read_text(), self.output.read_text)
        self.children = _children_of(self.process.pid)

    def wait_until_nothing_is_left(self) -> None:
        _wait(lambda: not self._left(), lambda: str(self._left()))

    def _left(self) -> list[int]:
        return [pid for pid in self.children if _parent_of(pid) is not None]


def _wait(is_so: Callable[[], bool], explain: Callable[[], str]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline_s, explain()
        time.sleep(LOOK_S)


def _children_of(parent: int) -> list[int]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if _parent_of(pid) == parent]


def _parent_of(pid: int) -> int | None:
    """The parent's id; None for a process that has ended, buried or not."""
    try:
        after_name = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if after_name[0] in "ZX" else int(after_name[1])


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    if not Path("/proc/self/stat").exists():
        pytest.skip("processes are counted by /proc, which this system has not")
    started = Started(tmp_path / "data")
    yield started
    started.process.kill()
    started.process.wait()


def test_ctrl_c_stops_everything(started: Started) -> None:
    assert len(started.children) == len(("broker", "web", "agent"))
    started.process.send_signal(signal.SIGINT)
    assert started.process.wait(timeout=WAIT_S) == 0
    started.wait_until_nothing_is_left()


def test_a_killed_supervisor_leaves_no_orphans(started: Started) -> None:
    started.process.kill()
    started.process.wait()
    started.wait_until_nothing_is_left()


def test_a_link_that_is_printed_later_leads_to_the_port_that_is_listened_on(started: Started) -> None:
    printed = subprocess.run(
        [sys.executable, "manage.py", "login-link"],
        cwd=BASE,
        env={**os.environ, "ATELIER_DATA": str(started.data)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.partition("/login/")[0] in started.output.read_text()


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
