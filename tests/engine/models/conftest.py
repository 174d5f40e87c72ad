import pytest
from torch import Tensor

from tests.engine.oracles.make_checkpoint import TINY, draw_checkpoint


@pytest.fixture(scope="session")
def tiny_weights() -> dict[str, Tensor]:
    """All tensors of the tiny checkpoint, by their names in a file."""
    return draw_checkpoint(TINY)
