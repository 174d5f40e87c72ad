"""A models folder with one tiny checkpoint, for tests that run whole prompts."""

from pathlib import Path

import pytest

from tests.engine.oracles.make_checkpoint import write_checkpoint
from tests.engine.prompts import CHECKPOINT


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as ComfyUI's models folder."""
    root = tmp_path_factory.mktemp("models")
    (root / "checkpoints").mkdir()
    write_checkpoint(root / "checkpoints" / CHECKPOINT)
    return root
