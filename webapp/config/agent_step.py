"""Starts and stops the agent with the Celery worker that it lives in."""

import os
import signal
import socket
from typing import TYPE_CHECKING

from celery import bootsteps
from celery.worker import WorkController

if TYPE_CHECKING:
    from webapp.runs.agent import Agent
    from webapp.runs.execution import GraphRunner


class AgentStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Stops before the pool: the agent gives its run back, and the pool's thread can end."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: WorkController, **options: object) -> None:
        super().__init__(worker, **options)
        self.agent: Agent | None = None

    def start(self, worker: WorkController) -> None:
        """Build the agent and let it answer bells."""
        from webapp.runs.tasks import look_for_work

        self.agent = _build_agent()
        worker.app.tasks[look_for_work.name].agent = self.agent
        self.agent.start()

    def stop(self, _worker: WorkController) -> None:
        """Give the current run back and end the agent's threads."""
        if self.agent is not None:
            self.agent.stop()


def _build_agent() -> "Agent":
    # Models can only be imported once Django is set up, which Celery does after reading this module.
    from django.conf import settings

    from webapp.runs.agent import Agent, Rhythm

    environment = settings.ENVIRONMENT
    rhythm = Rhythm(
        heartbeat_s=environment.heartbeat_s,
        self_fence_s=environment.self_fence_s,
        lost_after_s=environment.lost_after_s,
        sweep_s=environment.sweep_s,
        cancel_poll_s=environment.cancel_poll_s,
    )
    name = environment.worker_name or socket.gethostname()
    return Agent(name, rhythm, _open_runner, on_fenced=lambda: os.kill(os.getpid(), signal.SIGTERM))


def _open_runner() -> "GraphRunner":
    from django.conf import settings

    from engine import api as engine
    from webapp.runs.catalog import model_folders

    environment = settings.ENVIRONMENT
    return engine.open_runner(
        engine.RunnerSettings(
            models=model_folders(),
            device=environment.device,
            dtype=environment.dtype,
            cache_bytes=environment.cache_bytes,
            pool_bytes=environment.pool_bytes,
        )
    )
