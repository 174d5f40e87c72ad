import json
from dataclasses import replace

import pytest
import torch

from engine.models import controlnet, t2i_adapter, t2i_adapter_light
from engine.models.controlnet import ControlNetConfig, Tasks
from engine.models.detect import detect_part
from engine.models.sd_unet import Level, SdUNetConfig
from engine.models.t2i_adapter import T2IAdapterConfig, residuals_of
from engine.models.t2i_adapter_light import LightAdapterConfig
from tests.engine.models.sample_layouts import FIXTURE
from tests.engine.oracles import families

SAMPLES: dict[str, dict[str, list[int]]] = json.loads(FIXTURE.read_text())
HINT = (3, 16, 16, 32, 32, 96, 96, 256)
HALF = replace(families.SD1.unet, in_channels=4, out_channels=4)


def shapes_of(config: ControlNetConfig | T2IAdapterConfig | LightAdapterConfig) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        state = config.build().state_dict()
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


@pytest.mark.parametrize(
    "half",
    [
        HALF,
        families.SD2.unet,
        families.SDXL.unet,
        pytest.param(
            replace(
                families.SDXL.unet,
                levels=(Level(32, 1, 0), Level(64, 1, 0), Level(128, 1, 0)),
                middle_depth=0,
                context_width=0,
            ),
            id="reduced, without attention",
        ),
    ],
)
@pytest.mark.parametrize("tasks", [None, Tasks(6, 1), Tasks(8, 2)])
@pytest.mark.parametrize("prefix", ["control_model.", ""])
def test_a_control_networks_tensors_tell_its_configuration(
    half: SdUNetConfig, prefix: str, tasks: Tasks | None
) -> None:
    config = ControlNetConfig((*HINT, half.model_channels), half, tasks)
    shapes = {prefix + name: shape for name, shape in shapes_of(config).items()}
    assert detect_part(shapes, controlnet.PART, "net").config == config


@pytest.mark.parametrize(
    "config",
    [
        T2IAdapterConfig(3, 8, (32, 64, 96, 96), 2),
        T2IAdapterConfig(1, 8, (32, 64, 96, 96), 2),
        T2IAdapterConfig(3, 16, (32, 64, 128, 128), 2, kernel=3),
    ],
)
@pytest.mark.parametrize("prefix", ["adapter.", ""])
def test_an_adapters_tensors_tell_its_configuration(config: T2IAdapterConfig, prefix: str) -> None:
    shapes = {prefix + name: shape for name, shape in shapes_of(config).items()}
    assert detect_part(shapes, t2i_adapter.PART, "net").config == config


@pytest.mark.parametrize("widths", [(32, 64, 96), (32, 64, 96, 96)], ids=["three", "four"])
@pytest.mark.parametrize(("prefix", "inner"), [("", ".body."), ("", ".resnets."), ("adapter.", ".resnets.")])
def test_a_light_adapters_tensors_tell_its_configuration(
    widths: tuple[int, ...], prefix: str, inner: str
) -> None:
    config = LightAdapterConfig(3, widths, 4)
    shapes = {prefix + name.replace(".body.", inner): shape for name, shape in shapes_of(config).items()}
    assert detect_part(shapes, t2i_adapter_light.PART, "net").config == config


@pytest.mark.parametrize("name", ["controlnet_union_sdxl_diffusers"])
def test_the_release_of_several_tasks_is_known(name: str) -> None:
    levels = (Level(320, 2, 0), Level(640, 2, 2), Level(1280, 2, 10))
    half = SdUNetConfig(4, 4, 320, 2048, levels, 10, is_linear=True, vector_width=2816)
    config = ControlNetConfig((3, 48, 48, 96, 96, 192, 192, 384, 320), half, Tasks(8, 1))
    shapes = shapes_of(config)
    special = ("task_embedding", "transformer_layes", "spatial_ch_projs", "control_add_embedding")
    sampled = {key: tuple(shape) for key, shape in SAMPLES[name].items() if key.startswith(special)}
    assert sampled
    assert {key: shapes[key] for key in sampled} == sampled
    # As many numbers as the release has.
    assert detect_part(shapes, controlnet.PART, name).elements == 1_257_943_280


def test_maps_are_added_at_the_end_of_each_level() -> None:
    maps = [torch.full((1, 1, 1, 1), float(number)) for number in range(4)]
    # The stem is block 0, two residual blocks follow, the downsampling comes third.
    assert [*residuals_of(maps, 8, 2).features] == [2, 5, 8, 11]


def test_the_maps_of_large_adapters_start_lower_and_reach_the_middle() -> None:
    maps = [torch.full((1, 1, 1, 1), float(number)) for number in range(4)]
    residuals = residuals_of(maps, 16, 2)
    assert [*residuals.features] == [3, 5, 8]
    assert residuals.middle is maps[3]
