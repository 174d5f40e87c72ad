"""What has to be there before the programs start: the database, a first owner, something to run."""

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from webapp.config.environment import BASE, Environment

CHECKPOINTS = "checkpoints"
DEMO_NAME = "atelier-demo.safetensors"


class AlreadyStarted(Exception):
    """Another supervisor works on this data folder."""


@contextlib.contextmanager
def hold_data_folder(data: Path) -> Iterator[None]:
    """Keep others from starting on the same folder.

    The lock ends with this process. Raises AlreadyStarted.
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data / "start.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise AlreadyStarted(file.read().strip()) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def migrate_if_needed() -> None:
    """Bring the database to the models' state; a look is enough most of the time."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)


def has_checkpoint(models: Path) -> bool:
    """Whether there is any checkpoint to run."""
    return any(path.is_file() for path in (models / CHECKPOINTS).rglob("*.safetensors"))


def make_demo_checkpoint(environment: Environment) -> None:
    """A few megabytes of random weights, so that there is something to run before people bring a model.

    In a process of its own: it takes torch to make, and the supervisor stays small. Never into folders of
    other tools.
    """
    folder = environment.models_root / CHECKPOINTS
    if environment.models is not None or has_checkpoint(environment.models_root):
        return
    folder.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "engine.demo.random_checkpoint", str(folder / DEMO_NAME)]
    subprocess.run(argv, cwd=BASE, check=True, capture_output=True)  # noqa: S603  argv is ours
