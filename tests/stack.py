"""The real stack as processes: broker, web server, agents, on random ports, with data of their own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from redis import Redis

from webapp.config.children import Child, Program
from webapp.config.environment import BASE
from webapp.config.programs import (
    LOOPBACK,
    agent_program,
    answers,
    broker_program,
    broker_url,
    find_free_port,
    new_password,
    responds,
    web_program,
)

START_WITHIN_S = 60.0
LOOK_S = 0.05
# Shorter than in service, so that a killed agent is missed within a test's patience.
QUICK = {
    "ATELIER_HEARTBEAT_S": "0.5",
    "ATELIER_SELF_FENCE_S": "3",
    "ATELIER_LOST_AFTER_S": "4",
    "ATELIER_SWEEP_S": "0.5",
    "ATELIER_CANCEL_POLL_S": "0.1",
}


class Stack:
    """Everything that `manage.py start` starts, each part to be stopped and killed by itself."""

    def __init__(
        self, data_dir: Path, database_url: str | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        """`settings` are further environment variables of all processes."""
        self.data_dir = data_dir
        self._port = find_free_port(LOOPBACK)
        self._broker_port = find_free_port(LOOPBACK)
        self._password = new_password()
        self.url = f"http://{LOOPBACK}:{self._port}"
        self.broker_url = broker_url(self._broker_port, self._password)
        self.settings = {
            **QUICK,
            "ATELIER_DATA": str(data_dir),
            "ATELIER_PUBLIC_URL": self.url,
            "ATELIER_DEVICE": "cpu",
            "ATELIER_MODELS": "",
            "ATELIER_SECRET_KEY": "",
            "DATABASE_URL": database_url or "",
            "REDIS_URL": self.broker_url,
            "OMP_NUM_THREADS": "1",
            **(settings or {}),
        }
        self.lines: list[str] = []
        self._broker: Child | None = None
        self._web: Child | None = None
        self._agents: list[Child] = []

    def start(self) -> None:
        """Start broker and web server on a migrated database with a first owner and a demo checkpoint."""
        self.start_broker()
        self.manage("prepare")
        self._web = self._spawn(web_program(LOOPBACK, self._port, self.settings))
        self._wait(lambda: answers(f"{self.url}/health"), self._web)

    def stop(self) -> None:
        """Stop all that runs."""
        for child in (*self._agents, self._web, self._broker):
            if child is not None:
                child.stop()

    def start_broker(self) -> None:
        """Start the broker, also again after its end."""
        self._broker = self._spawn(
            broker_program(self.data_dir / "broker", self._broker_port, self._password)
        )
        self._wait(lambda: responds(self.broker_url), self._broker)

    def kill_broker(self) -> None:
        """End the broker without warning."""
        if self._broker is not None:
            self._broker.kill()

    def broker(self) -> "Redis":
        """A client of the broker."""
        return Redis.from_url(self.broker_url)

    def start_agent(self, name: str) -> Child:
        """Start an agent; it takes work as soon as it is up."""
        agent = self._spawn(agent_program(name, self.settings))
        self._agents.append(agent)
        return agent

    def kill_agent(self) -> None:
        """kill -9 the agent that was started last."""
        self._agents.pop().kill()

    def stop_agent(self) -> None:
        """Stop the agent that was started last, as a deployment does."""
        self._agents.pop().stop()

    def login_link(self) -> str:
        """A fresh sign-in link of the first owner."""
        return self.manage("login-link").strip()

    def manage(self, *arguments: str) -> str:
        """What `manage.py` prints on this stack."""
        result = subprocess.run(
            [sys.executable, str(BASE / "manage.py"), *arguments],
            cwd=BASE,
            env={**os.environ, **self.settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def log(self) -> str:
        """All that the processes wrote, for messages of failing tests."""
        return "\n".join(self.lines)

    def _spawn(self, program: Program) -> Child:
        return Child(program, lambda name, line: self.lines.append(f"{name}: {line}"))

    def _wait(self, is_ready: Callable[[], bool], child: Child) -> None:
        deadline_s = time.monotonic() + START_WITHIN_S
        while not is_ready():
            assert child.exit_code is None, f"{child.program.name} ended:\n{self.log()}"
            assert time.monotonic() < deadline_s, f"{child.program.name} is not ready:\n{self.log()}"
            time.sleep(LOOK_S)
