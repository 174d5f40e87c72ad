"""A stack for each test: what is killed in one must not be missed in the next."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.client import Studio
from tests.stack import Stack
from webapp.config.environment import BASE


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the demo checkpoint, made once: it takes torch to make."""
    folder = tmp_path_factory.mktemp("models")
    checkpoint = folder / "checkpoints" / "demo.safetensors"
    checkpoint.parent.mkdir()
    argv = [sys.executable, "-m", "engine.demo.random_checkpoint", str(checkpoint)]
    subprocess.run(argv, cwd=BASE, check=True)
    return folder


@pytest.fixture
def stack(tmp_path: Path, models: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path / "data", settings={"ATELIER_MODELS": str(models)})
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
def studio(stack: Stack) -> Iterator[Studio]:
    """The first owner's HTTP client."""
    with Studio(stack.url) as studio:
        studio.sign_in(stack.login_link())
        yield studio
