import json

import pytest
import torch

from engine.models import ip_adapter
from engine.models.detect import detect_part
from engine.models.ip_adapter import IpAdapterConfig, cross_attentions, mask_tokens, spots_of
from engine.models.sd_unet import Level, SdUNetConfig
from tests.engine.models.sample_layouts import FIXTURE
from tests.engine.oracles import families

FOUR = (Level(320, 2, 1), Level(640, 2, 1), Level(1280, 2, 1), Level(1280, 2, 0))
SD1 = SdUNetConfig(4, 4, 320, 768, FOUR)
THREE = (Level(320, 2, 0), Level(640, 2, 2), Level(1280, 2, 10))
SDXL = SdUNetConfig(4, 4, 320, 2048, THREE, 10, is_linear=True, vector_width=2816)


def pairs_of(unet: SdUNetConfig) -> tuple[tuple[int, int], ...]:
    return tuple((2 * place + 1, spot.channels) for place, spot in enumerate(spots_of(unet)))


# The releases and how many numbers each has.
RELEASES = {
    "ip_adapter_sd15": (IpAdapterConfig("vector", 1024, 768, 4, pairs_of(SD1)), 22_319_616),
    "ip_adapter_plus_sd15": (
        IpAdapterConfig("resampler", 1280, 768, 16, pairs_of(SD1), inner_width=768, layers=4),
        49_087_488,
    ),
    "ip_adapter_full_face_sd15": (IpAdapterConfig("each", 1280, 768, 0, pairs_of(SD1)), 21_794_304),
    "ip_adapter_sdxl": (IpAdapterConfig("vector", 1280, 2048, 4, pairs_of(SDXL)), 351_285_248),
    "ip_adapter_sdxl_vit-h": (IpAdapterConfig("vector", 1024, 2048, 4, pairs_of(SDXL)), 349_188_096),
    "ip_adapter_plus_sdxl_vit-h": (
        IpAdapterConfig("resampler", 1280, 2048, 16, pairs_of(SDXL), inner_width=1280, layers=4),
        423_748_864,
    ),
}


@pytest.mark.parametrize("release", RELEASES)
def test_a_releases_tensors_tell_its_configuration(release: str) -> None:
    config, elements = RELEASES[release]
    with torch.device("meta"):
        state = config.build().state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    sampled = json.loads(FIXTURE.read_text())[release]
    assert {name: list(shapes[name]) for name in sampled} == sampled
    detected = detect_part(shapes, ip_adapter.PART, "adapter")
    assert (detected.config, detected.elements) == (config, elements)


@pytest.mark.parametrize(
    "unet",
    [families.SD1.unet, families.SDXL.unet, families.SSD.unet],
    ids=["sd1", "sdxl", "ssd"],
)
def test_spots_are_where_the_modules_are(unet: SdUNetConfig) -> None:
    with torch.device("meta"):
        modules = cross_attentions(unet.build())
    assert [spot.channels for spot in spots_of(unet)] == [module.to_k.out_features for module in modules]


def test_transformers_are_numbered_as_they_are_computed() -> None:
    numbers = [(spot.half, spot.number) for spot in spots_of(SD1)]
    downs = [("input", number) for number in range(6)]
    assert numbers == [*downs, *(("output", number) for number in range(7, 16)), ("middle", 6)]


@pytest.mark.parametrize(("size", "tokens"), [((8, 8), 64), ((8, 8), 16), ((7, 9), 20), ((5, 3), 1)])
def test_a_mask_is_brought_to_the_tokens(size: tuple[int, int], tokens: int) -> None:
    found = mask_tokens(torch.full((2, *size), 0.25), torch.zeros(2, tokens, 3))
    torch.testing.assert_close(found, torch.full((2, tokens, 1), 0.25))
