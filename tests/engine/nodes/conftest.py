from pathlib import Path

import pytest

from tests.engine.nodes.studio import Studio


@pytest.fixture
def studio(models: Path) -> Studio:
    """A run's surroundings with the tiny checkpoint."""
    return Studio(models)
