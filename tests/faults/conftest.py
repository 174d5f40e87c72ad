"""A stack for each test: what is killed in one must not be missed in the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.client import Studio
from tests.stack import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path / "data")
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
def studio(stack: Stack) -> Iterator[Studio]:
    """The first owner's HTTP client."""
    with Studio(stack.url) as studio:
        studio.sign_in(stack.login_link())
        yield studio
