from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engine.errors import WeightsUnreadable
from engine.weights.tensors import open_tensors


def test_tensors_are_read_by_name_as_they_were_saved(tmp_path: Path) -> None:
    tensor = torch.arange(6, dtype=torch.float16).reshape(2, 3)
    save_file({"x": tensor}, tmp_path / "rain.safetensors")
    with open_tensors(tmp_path / "rain.safetensors") as tensors:
        assert torch.equal(tensors.read("x"), tensor)


def test_an_unknown_name_is_an_error_that_names_file_and_tensor(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "rain.safetensors")
    with (
        open_tensors(tmp_path / "rain.safetensors") as tensors,
        pytest.raises(WeightsUnreadable, match=r"rain\.safetensors: tensor 'y'"),
    ):
        tensors.read("y")


def test_a_file_that_cannot_be_opened_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "rain.safetensors").write_bytes(b"junk")
    with (
        pytest.raises(WeightsUnreadable, match=r"rain\.safetensors"),
        open_tensors(tmp_path / "rain.safetensors"),
    ):
        pass
