"""Detection over the layouts of released files, whole and damaged."""

import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import pack

import pytest
import torch
from safetensors.torch import save_file

from engine.errors import EngineError, UnsupportedCheckpoint, WeightsUnreadable
from engine.models.clip_text import ClipTextConfig
from engine.models.detect import detect_checkpoint, detect_denoiser
from engine.models.kl_vae import KlVaeConfig
from engine.models.sd_unet import Level, SdUNetConfig
from engine.weights.header import read_header
from engine.weights.shapes import Shape
from tests.engine.models.sample_layouts import FIXTURE
from tests.engine.oracles.families import TextRole, TinyFamily, open_clip_shapes

SAMPLES: dict[str, dict[str, list[int]]] = json.loads(FIXTURE.read_text())
VAE = KlVaeConfig(3, 4, widths=(128, 256, 512, 512), residual_blocks=2)
L = ClipTextConfig(49_408, 77, 768, 3072, 12, 12)
H = ClipTextConfig(49_408, 77, 1024, 4096, 24, 16, "gelu", 1024)
G = ClipTextConfig(49_408, 77, 1280, 5120, 32, 20, "gelu", 1280)
FOUR = (Level(320, 2, 1), Level(640, 2, 1), Level(1280, 2, 1), Level(1280, 2, 0))
THREE = (Level(320, 2, 0), Level(640, 2, 2), Level(1280, 2, 10))
REFINED = (Level(384, 2, 0), Level(768, 2, 4), Level(1536, 2, 4), Level(1536, 2, 0))
OF_SD1 = (TextRole(L, "cond_stage_model.transformer.text_model.", 0, open_clip=False),)
OF_SD2 = (TextRole(H, "cond_stage_model.model.", 0, open_clip=True),)
OF_XL = (
    TextRole(L, "conditioner.embedders.0.transformer.text_model.", 0, open_clip=False),
    TextRole(G, "conditioner.embedders.1.model.", 0, open_clip=True),
)
OF_REFINER = (TextRole(G, "conditioner.embedders.0.model.", 0, open_clip=True),)


def sd1(channels: int) -> TinyFamily:
    return TinyFamily("sd1", SdUNetConfig(channels, 4, 320, 768, FOUR), OF_SD1, 1.0, vae=VAE)


def sd2(channels: int) -> TinyFamily:
    unet = SdUNetConfig(channels, 4, 320, 1024, FOUR, is_linear=True)
    return TinyFamily("sd2", unet, OF_SD2, 1.0, vae=VAE)


def sdxl(channels: int) -> TinyFamily:
    unet = SdUNetConfig(channels, 4, 320, 2048, THREE, 10, is_linear=True, vector_width=2816)
    return TinyFamily("sdxl", unet, OF_XL, 1.0, vae=VAE)


def ssd() -> TinyFamily:
    levels = (Level(320, 2, 0), Level(640, 2, 2), Level(1280, 2, 4))
    depths = (4, 4, 10, 2, 1, 1, 0, 0, 0)
    unet = SdUNetConfig(
        4, 4, 320, 2048, levels, None, is_linear=True, vector_width=2816, output_depths=depths
    )
    return TinyFamily("sdxl", unet, OF_XL, 1.0, vae=VAE)


def refiner() -> TinyFamily:
    unet = SdUNetConfig(4, 4, 384, 1280, REFINED, 4, is_linear=True, vector_width=2560)
    return TinyFamily("sdxl_refiner", unet, OF_REFINER, 1.0, vae=VAE)


def shapes_of(size: TinyFamily) -> dict[str, Shape]:
    """What the header of a file of that size says."""
    with torch.device("meta"):
        parts = {"model.diffusion_model.": size.unet.build(), "first_stage_model.": size.vae.build()}
        texts = [(role, role.config.build()) for role in size.texts]
    shapes = {
        prefix + name: tuple(tensor.shape)
        for prefix, part in parts.items()
        for name, tensor in part.state_dict().items()
    }
    for role, text in texts:
        own = {name: tuple(tensor.shape) for name, tensor in text.state_dict().items()}
        stored = open_clip_shapes(own) if role.open_clip else own
        shapes |= {role.prefix + name: shape for name, shape in stored.items()}
    return shapes


# The numbers of the releases: U-Net, text encoders without scales, VAE.
RELEASES = [
    pytest.param(sd1(4), (859_520_964, 123_060_480), id="SD 1.5"),
    pytest.param(sd1(9), (859_535_364, 123_060_480), id="SD 1.5 inpainting"),
    pytest.param(sd1(8), (859_532_484, 123_060_480), id="instruct-pix2pix"),
    pytest.param(sd2(4), (865_910_724, 354_032_640), id="SD 2.1"),
    pytest.param(sd2(9), (865_925_124, 354_032_640), id="SD 2 inpainting"),
    pytest.param(sdxl(4), (2_567_463_684, 123_060_480, 694_659_840), id="SDXL"),
    pytest.param(sdxl(9), (2_567_478_084, 123_060_480, 694_659_840), id="SDXL inpainting"),
    pytest.param(sdxl(8), (2_567_475_204, 123_060_480, 694_659_840), id="SDXL pix2pix"),
    pytest.param(ssd(), (1_331_334_404, 123_060_480, 694_659_840), id="SSD-1B"),
    pytest.param(refiner(), (2_259_526_660, 694_659_840), id="SDXL refiner"),
]


@pytest.mark.parametrize(("size", "elements"), RELEASES)
def test_a_release_is_exactly_its_family(size: TinyFamily, elements: tuple[int, ...]) -> None:
    checkpoint = detect_checkpoint(shapes_of(size), "release.safetensors")
    texts = tuple(text.elements for text in checkpoint.texts)
    assert checkpoint.family.name == size.name
    assert (checkpoint.unet.config, checkpoint.unet.elements, *texts) == (size.unet, *elements)
    assert checkpoint.vae.elements == 83_653_863


SUPPORTED = (
    "sd15_",
    "sd21_",
    "sd2_",
    "sdxl_base",
    "sdxl_inp",
    "sdxl_ins",
    "sdxl_ref",
    "diffusers_unet_sd",
    "ssd1b",
)


@pytest.mark.parametrize("name", [name for name in SAMPLES if not name.startswith(SUPPORTED)])
def test_every_other_layout_is_known_or_unknown(name: str) -> None:
    shapes = {key: tuple(shape) for key, shape in SAMPLES[name].items()}
    with pytest.raises(UnsupportedCheckpoint, match=r": (known, |no known family fits)"):
        detect_denoiser(shapes, f"{name}.safetensors")


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("flux1_dev_transformer", "known, not supported yet: Flux.1"),
        ("sd35_large_checkpoint", "known, not supported yet: Stable Diffusion 3"),
        ("svd_xt_checkpoint", "known, not supported yet: Stable Video Diffusion"),
        ("wan21_t2v_14b_transformer", "known, not supported yet: Wan"),
        ("controlnet_sdxl", "no checkpoint or denoising network: ControlNet"),
        ("lora_sdxl_kohya", "no checkpoint or denoising network: LoRA"),
        ("clip_g_text", "no checkpoint or denoising network: CLIP text encoder"),
        ("t5xxl_fp16", "no checkpoint or denoising network: T5 text encoder"),
        ("vae_sd_standalone", "no checkpoint or denoising network: image VAE"),
        ("cascade_previewer", "no known family fits"),
    ],
)
def test_what_is_not_supported_is_named(name: str, verdict: str) -> None:
    shapes = {key: tuple(shape) for key, shape in SAMPLES[name].items()}
    with pytest.raises(UnsupportedCheckpoint) as refusal:
        detect_denoiser(shapes, f"{name}.safetensors")
    assert verdict in str(refusal.value)


def header(text: bytes, length: int | None = None, data: bytes = b"") -> bytes:
    return pack("<Q", len(text) if length is None else length) + text + data


ENTRY = b'"a.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header(b"{" + ENTRY + b"}", data=bytes(4)), "is truncated: its tensors need 8 bytes, 4 are there"),
        (header(b"{" + ENTRY + b"," + ENTRY + b"}", data=bytes(8)), "names tensor 'a.weight' twice"),
        (
            header(b"{" + ENTRY.replace(b"F32", b"F16") + b"}", data=bytes(8)),
            "tensor 'a.weight' needs 4 bytes and has 8",
        ),
        (header(b"{" + ENTRY.replace(b"F32", b"Q4") + b"}", data=bytes(8)), "unknown dtype 'Q4'"),
        (header(b"{" + ENTRY + b"}", length=2**40), "has a header of 1099511627776 bytes"),
    ],
)
def test_a_damaged_file_is_refused_at_once(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with quickly(), pytest.raises(WeightsUnreadable, match=r"bad\.safetensors") as refusal:
        read_header(path)
    assert message in str(refusal.value)


UNET_KEY = "model.diffusion_model.input_blocks.4.1.transformer_blocks.1.attn2.to_k.weight"
TEXT_KEY = "conditioner.embedders.1.model.transformer.resblocks.31.attn.in_proj_weight"
Damage = Callable[[dict[str, Shape]], object]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda shapes: shapes.pop(UNET_KEY), "the U-Net lacks the tensor"),
        (
            lambda shapes: shapes.update({UNET_KEY: (640, 2047)}),
            "attn2.to_k.weight' has shape [640, 2047] instead of [640, 2048]",
        ),
        (
            lambda shapes: shapes.update({TEXT_KEY: (3843, 1280)}),
            "resblocks.31.attn.in_proj_weight' has shape [1281, 1280] instead of [1280, 1280]",
        ),
        (lambda shapes: shapes.update({TEXT_KEY: (3841, 1280)}), "which are no thirds"),
        (lambda shapes: shapes.pop(TEXT_KEY), "the text encoder lacks the tensor"),
    ],
)
def test_a_damaged_layout_is_refused_by_name(damage: Damage, message: str) -> None:
    shapes = shapes_of(sdxl(4))
    damage(shapes)
    with pytest.raises(UnsupportedCheckpoint) as refusal:
        detect_checkpoint(shapes, "bad.safetensors")
    assert message in str(refusal.value)


def test_a_tensor_of_whole_numbers_is_refused_as_weights(tmp_path: Path) -> None:
    save_file({"input_blocks.0.0.weight": torch.zeros(32, 4, 3, 3, dtype=torch.int64)}, tmp_path / "i.sft")
    with pytest.raises(EngineError, match=r"i\.sft"):
        detect_denoiser(read_header(tmp_path / "i.sft").shapes, "i.sft")


@contextmanager
def quickly() -> Iterator[None]:
    """The rule for verdicts: at most a second of work and 64 MB."""
    tracemalloc.start()
    begin = time.process_time()
    try:
        yield
    finally:
        used, (_, peak) = time.process_time() - begin, tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert used < 1
    assert peak < 64_000_000


def test_playground_is_not_taken_for_sdxl() -> None:
    shapes = shapes_of(sdxl(4)) | {"edm_mean": (4,), "edm_std": (4,)}
    with pytest.raises(UnsupportedCheckpoint, match=r"known, not supported yet: Playground 2\.5"):
        detect_checkpoint(shapes, "playground.safetensors")
