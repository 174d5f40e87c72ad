"""What model files of all kinds are said to be."""

import json
from typing import Any

import pytest
import torch

from engine.errors import UnsupportedCheckpoint
from engine.models.clip_text import ClipTextConfig
from engine.models.clip_vision import ClipVisionConfig
from engine.models.controlnet import ControlNetConfig
from engine.models.identify import identify
from engine.models.kl_vae import KlVaeConfig
from engine.models.sd_unet import Level, SdUNetConfig
from engine.models.t2i_adapter import T2IAdapterConfig
from engine.models.t2i_adapter_light import LightAdapterConfig
from engine.models.taesd import TaesdConfig
from engine.weights.shapes import Shape, Shapes
from tests.engine.models.sample_layouts import FIXTURE
from tests.engine.oracles.families import open_clip_shapes

SAMPLES: dict[str, dict[str, list[int]]] = json.loads(FIXTURE.read_text())
LEVELS = (Level(32, 1, 1), Level(64, 1, 1))
UNET = SdUNetConfig(
    4, 4, 320, 768, (Level(320, 2, 1), Level(640, 2, 1), Level(1280, 2, 1), Level(1280, 2, 0))
)
VAE = KlVaeConfig(3, 4, widths=(32, 64, 96, 96), residual_blocks=1)
L = ClipTextConfig(49_408, 77, 64, 128, 12, 1)
LONG = ClipTextConfig(49_408, 248, 64, 128, 12, 1)
H = ClipTextConfig(49_408, 77, 64, 128, 24, 1, "gelu", 64)
G = ClipTextConfig(49_408, 77, 64, 128, 32, 1, "gelu", 64)
VISION = ClipVisionConfig(1024, 4096, 2, 14, 257, 768)


def shapes_of(config: Any, prefix: str = "") -> dict[str, Shape]:
    with torch.device("meta"):
        state = config.build().state_dict()
    return {prefix + name: tuple(tensor.shape) for name, tensor in state.items()}


def text_of(config: ClipTextConfig) -> Shapes:
    return {f"text_model.{name}": shape for name, shape in shapes_of(config).items()}


def half_of(shapes: Shapes, part: str) -> dict[str, Shape]:
    """One of a tiny autoencoder's networks, as it is published."""
    return {name.removeprefix(part): shape for name, shape in shapes.items() if name.startswith(part)}


TAESD = shapes_of(TaesdConfig(4, 64, 64))


@pytest.mark.parametrize(
    ("shapes", "kind", "family", "title"),
    [
        (shapes_of(UNET), "diffusion_model", "sd1", "Stable Diffusion 1.x"),
        (shapes_of(VAE), "vae", "vae", "image VAE"),
        (TAESD, "tiny_vae", "tiny_vae", "TAESD"),
        (half_of(TAESD, "taesd_decoder."), "tiny_vae", "tiny_vae", "TAESD decoder"),
        (half_of(TAESD, "taesd_encoder."), "tiny_vae", "tiny_vae", "TAESD encoder"),
        (text_of(L), "text_encoder", "text_encoder", "CLIP-L text encoder"),
        (text_of(LONG), "text_encoder", "text_encoder", "CLIP-L text encoder"),
        (open_clip_shapes(shapes_of(H)), "text_encoder", "text_encoder", "OpenCLIP H text encoder"),
        (open_clip_shapes(shapes_of(G)), "text_encoder", "text_encoder", "OpenCLIP bigG text encoder"),
        (
            shapes_of(ControlNetConfig((3, 16, 16, 32, 32, 64, 64, 96, 320), UNET), "control_model."),
            "controlnet",
            "controlnet",
            "ControlNet",
        ),
        (shapes_of(T2IAdapterConfig(3, 8, (32, 64, 96, 96), 2)), "t2i_adapter", "sd1", "T2I-Adapter"),
        (
            shapes_of(T2IAdapterConfig(3, 16, (32, 64, 96, 96), 2, kernel=3), "adapter."),
            "t2i_adapter",
            "sdxl",
            "T2I-Adapter",
        ),
        (shapes_of(LightAdapterConfig(3, (32, 64, 96), 4)), "t2i_adapter", "sd1", "light T2I-Adapter"),
        ({"emb_params": (4, 768)}, "embedding", "embedding", "textual inversion"),
        ({"<cat>": (768,)}, "embedding", "embedding", "textual inversion"),
        ({"clip_g": (4, 1280), "clip_l": (4, 768)}, "embedding", "embedding", "textual inversion"),
        (
            {"a.lora_up.weight": (8, 4), "a.lora_down.weight": (4, 8), "a.alpha": (), "b.diff_b": (8,)},
            "lora",
            "lora",
            "difference and lora of 2 tensors",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_is_told_by_its_tensors(shapes: Shapes, kind: str, family: str, title: str) -> None:
    identity = identify(shapes, "some.safetensors")
    assert (identity.kind, identity.family, identity.title) == (kind, family, title)
    assert identity.is_supported


@pytest.mark.parametrize(
    ("name", "kind", "title"),
    [
        ("t5xxl_fp16", "text_encoder", "T5 text encoder"),
        ("gemma2_2b_text", "text_encoder", "Gemma text encoder"),
        ("qwen25_vl_7b_text", "text_encoder", "Qwen or Llama text encoder"),
        ("sigclip_vision_384", "clip_vision", "SigLIP vision encoder"),
        ("wan21_vae", "vae", "Wan or Qwen-Image VAE"),
    ],
)
def test_what_no_node_loads_yet_says_so(name: str, kind: str, title: str) -> None:
    identity = identify({key: tuple(shape) for key, shape in SAMPLES[name].items()}, name)
    assert (identity.kind, identity.family, identity.title) == (kind, kind, title)
    assert not identity.is_supported


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("flux1_dev_transformer", "known, not supported yet: Flux.1"),
        ("flux1_redux", "known, not supported yet: Flux.1 Redux"),
        ("sd35_large_checkpoint", "known, not supported yet: Stable Diffusion 3"),
        ("wan21_t2v_14b_transformer", "known, not supported yet: Wan"),
        ("vae_16ch_flux_ae", "known, not supported yet: Stable Diffusion 3 or Flux.1 VAE"),
        ("animatediff_v1_sd15_mm", "known, not supported yet: AnimateDiff motion module"),
        ("t2i_adapter_style_sd15", "known, not supported yet: T2I style adapter"),
        ("cascade_previewer", "unknown: its tensors fit no kind of model file"),
    ],
)
def test_networks_that_are_not_supported_are_refused_by_name(name: str, verdict: str) -> None:
    with pytest.raises(UnsupportedCheckpoint, match=f"{name}: {verdict}"):
        identify({key: tuple(shape) for key, shape in SAMPLES[name].items()}, name)


def test_a_damaged_file_is_refused_with_its_tensor() -> None:
    shapes = shapes_of(T2IAdapterConfig(3, 8, (32, 64, 96, 96), 2))
    del shapes["body.3.block2.bias"]
    with pytest.raises(
        UnsupportedCheckpoint, match=r"the T2I-Adapter lacks the tensor 'body\.3\.block2\.bias'"
    ):
        identify(shapes, "some.safetensors")
