"""manage.py agent: one more GPU agent, on this machine or another that shares database, broker and files."""

import os
import socket

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from webapp.config.environment import Environment
from webapp.config.programs import agent_program


class Command(BaseCommand):
    """Becomes an agent."""

    help = "Run a GPU agent. Needs REDIS_URL, and a name of its own in ATELIER_WORKER_NAME."

    def handle(self, **_options: object) -> None:
        """Give this process to the agent, so that signals reach it directly."""
        environment: Environment = settings.ENVIRONMENT
        if not environment.redis_url:
            raise CommandError(
                "REDIS_URL is not set: an agent hears of work through a broker that all share."
            )
        program = agent_program(environment.worker_name or socket.gethostname(), {})
        os.execve(program.argv[0], program.argv, {**os.environ, **program.settings})  # noqa: S606  argv is ours
