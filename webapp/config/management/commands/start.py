"""manage.py start: everything on this machine under one supervisor."""

import sys
import time
from collections.abc import Callable

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from webapp.accounts.services import issue_login_link
from webapp.common.limits import LOGIN_LINK_MINUTES
from webapp.config.children import Child
from webapp.config.environment import DEFAULT_PORT, Environment
from webapp.config.preparation import (
    AlreadyStarted,
    hold_data_folder,
    link_demo_models,
    migrate_if_needed,
)
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
from webapp.config.supervisor import Logs, Supervisor
from webapp.workspaces.services import ensure_first_workspace

READY_WITHIN_S = 60.0
LOOK_S = 0.05
AGENT_NAME = "gpu-0"


class Command(BaseCommand):
    """Starts broker, web server and agent; Ctrl-C stops all of them."""

    help = "Serve Atelier on this machine."

    def handle(self, **_options: object) -> None:
        """Start everything, print a sign-in link, look after it until asked to stop."""
        environment: Environment = settings.ENVIRONMENT
        try:
            with hold_data_folder(environment.data):
                Start(environment, Logs(environment.data / "logs", sys.stdout)).run()
        except AlreadyStarted as error:
            raise CommandError(
                f"Atelier runs on {environment.data} already, as process {error}: "
                "stop that one, or set ATELIER_DATA."
            ) from error


class Start:
    """One life of the service on one machine."""

    def __init__(self, environment: Environment, logs: Logs) -> None:
        self._environment = environment
        self._logs = logs
        self._supervisor = Supervisor(logs)

    def run(self) -> None:
        """Start everything, look after it until asked to stop, stop it in order."""
        self._supervisor.watch_signals()
        try:
            self._start_all()
            self._supervisor.run()
        finally:
            settings.ADDRESS_FILE.unlink(missing_ok=True)
            self._supervisor.stop()
            self._logs.say("Stopped.")

    def _start_all(self) -> None:
        environment, supervisor = self._environment, self._supervisor
        port = choose_port(environment)
        url = environment.public_url.rstrip("/") or f"http://{environment.host}:{port}"
        shared = {"ATELIER_PUBLIC_URL": url, "ATELIER_DATA": str(environment.data)}
        shared["REDIS_URL"] = environment.redis_url or self._start_broker()
        migrate_if_needed()
        owner = ensure_first_workspace()
        web = supervisor.start(web_program(environment.host, port, shared))
        link_demo_models(environment)
        supervisor.start(agent_program(environment.worker_name or AGENT_NAME, shared))
        health = f"http://{reachable(environment.host)}:{port}/health"
        self._wait_until(lambda: answers(health), web)
        if not supervisor.is_stopping:
            settings.ADDRESS_FILE.write_text(url)
            self._welcome(f"{url}/login/{issue_login_link(user=owner)}")

    def _start_broker(self) -> str:
        port, password = find_free_port(LOOPBACK), new_password()
        broker = self._supervisor.start(broker_program(self._environment.data / "broker", port, password))
        url = broker_url(port, password)
        self._wait_until(lambda: responds(url), broker)
        return url

    def _wait_until(self, is_ready: Callable[[], bool], child: Child) -> None:
        deadline_s = time.monotonic() + READY_WITHIN_S
        while not self._supervisor.is_stopping and not is_ready():
            if child.exit_code is not None or time.monotonic() > deadline_s:
                name = child.program.name
                raise CommandError(f"{name} did not start: see {self._logs.path(name)}")
            time.sleep(LOOK_S)

    def _welcome(self, link: str) -> None:
        self._logs.say(
            f"\nAtelier is ready. Sign in (one use, {LOGIN_LINK_MINUTES} minutes):\n\n    {link}\n"
        )
        self._logs.say(f"Another link: manage.py login-link. Logs: {self._environment.data / 'logs'}.")
        self._logs.say("Ctrl-C stops it all.")


def choose_port(environment: Environment) -> int:
    """The port that was asked for, or the usual one, or the next free one after it."""
    try:
        if environment.port is None:
            return find_free_port(environment.host, DEFAULT_PORT)
        if environment.port != find_free_port(environment.host, environment.port):
            raise CommandError(f"Port {environment.port} is taken: set ATELIER_BIND to another one.")
    except OSError as error:
        raise CommandError(f"Cannot listen on {environment.bind}: {error}") from error
    return environment.port


def reachable(host: str) -> str:
    """An address of this machine at which a server bound to `host` answers."""
    return LOOPBACK if host in ("0.0.0.0", "::", "[::]") else host  # noqa: S104  compared, not bound
