import pytest
import torch

from engine.errors import BadInput
from engine.graph.kinds import Latent
from engine.nodes.latent_empty import (
    empty_chroma_radiance_latent_image,
    empty_hunyuan_image_latent,
    empty_sd3_latent_image,
    stable_cascade_empty_latent_image,
)


def assert_empty(latent: Latent, *shape: int) -> None:
    assert torch.equal(latent.samples, torch.zeros(shape))


def test_each_family_has_its_channels_and_cells() -> None:
    assert_empty(empty_sd3_latent_image(width=528, height=256, batch_size=2), 2, 16, 32, 66)
    assert_empty(empty_hunyuan_image_latent(width=512, height=256), 1, 64, 8, 16)
    assert_empty(empty_chroma_radiance_latent_image(width=64, height=32), 1, 3, 32, 64)


def test_stable_cascade_has_a_latent_for_each_stage() -> None:
    stage_c, stage_b = stable_cascade_empty_latent_image(width=1024, height=512, compression=42)
    assert_empty(stage_c, 1, 16, 12, 24)
    assert_empty(stage_b, 1, 4, 128, 256)


def test_a_latent_beyond_the_limit_is_refused() -> None:
    with pytest.raises(BadInput, match="16384 × 16384"):
        empty_sd3_latent_image(width=16384, height=16384)
