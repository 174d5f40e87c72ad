"""What has to be there before the programs start: the database, a first owner, something to run."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from engine.api import DEMO_MODELS
from webapp.config.environment import Environment


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


def link_demo_models(environment: Environment) -> None:
    """Make the models that ship with Atelier appear in the models folder; never in folders of other tools.

    Links follow an update of Atelier. A file of the same name that somebody put there stays.
    """
    if environment.models is not None:
        return
    for file in sorted(DEMO_MODELS.rglob("*.safetensors")):
        link = environment.models_root / file.relative_to(DEMO_MODELS)
        link.parent.mkdir(parents=True, exist_ok=True)
        if link.is_symlink() and not link.exists():
            link.unlink()  # Atelier was moved
        if not link.exists():
            link.symlink_to(file)
