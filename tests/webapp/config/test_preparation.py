"""What has to be done before the first start."""

from pathlib import Path

import pytest

from engine.api import DEMO_MODELS
from webapp.config.environment import Environment
from webapp.config.preparation import link_demo_models


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(data=tmp_path / "data", models=None)


def test_the_demo_models_appear_in_the_models_folder(environment: Environment) -> None:
    for _ in range(2):
        link_demo_models(environment)
    checkpoint = environment.models_root / "checkpoints" / "demo.safetensors"
    assert checkpoint.resolve() == DEMO_MODELS / "checkpoints" / "demo.safetensors"


def test_a_file_that_somebody_put_there_stays(environment: Environment) -> None:
    own = environment.models_root / "checkpoints" / "demo.safetensors"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    link_demo_models(environment)
    assert own.read_bytes() == b"mine"


def test_a_link_that_leads_nowhere_is_made_again(environment: Environment) -> None:
    link = environment.models_root / "checkpoints" / "demo.safetensors"
    link.parent.mkdir(parents=True)
    link.symlink_to(environment.models_root / "moved away")
    link_demo_models(environment)
    assert link.exists()


def test_folders_of_other_tools_stay_as_they_are(tmp_path: Path) -> None:
    models = tmp_path / "ComfyUI" / "models"
    models.mkdir(parents=True)
    link_demo_models(Environment(data=tmp_path / "data", models=models))
    assert not list(models.iterdir())
