"""A models folder with one tiny checkpoint, for tests that run whole prompts."""

from pathlib import Path

import pytest
import torch

from tests.engine.oracles.make_checkpoint import write_checkpoint
from tests.engine.prompts import CHECKPOINT


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny networks gain nothing from more, and test processes side by side would take each other's cores."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as ComfyUI's models folder."""
    root = tmp_path_factory.mktemp("models")
    (root / "checkpoints").mkdir()
    write_checkpoint(root / "checkpoints" / CHECKPOINT)
    return root
