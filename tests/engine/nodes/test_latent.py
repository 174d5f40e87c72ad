import pytest
import torch

from engine.errors import BadInput
from engine.graph.kinds import Image, Latent
from engine.nodes.autoencoding import crop_to_multiple
from engine.nodes.latent import empty_latent_image, latent_upscale, vae_decode, vae_encode
from tests.engine.nodes.studio import Studio


def upscale(
    width: int, height: int, crop: str = "disabled", method: str = "nearest-exact"
) -> tuple[int, ...]:
    latent = Latent(torch.randn(2, 4, 8, 12))
    scaled = latent_upscale(samples=latent, upscale_method=method, width=width, height=height, crop=crop)
    return tuple(scaled.samples.shape)


def test_an_empty_latent_is_an_eighth_of_the_picture() -> None:
    latent = empty_latent_image(width=520, height=256, batch_size=3)
    assert latent.samples.shape == (3, 4, 32, 65)
    assert latent.samples.count_nonzero() == 0


def test_a_picture_beyond_the_limit_is_refused() -> None:
    with pytest.raises(BadInput, match="16384 × 16384"):
        empty_latent_image(width=16384, height=16384)


def test_a_batch_beyond_the_limit_is_refused() -> None:
    with pytest.raises(BadInput, match="4096 pictures"):
        empty_latent_image(width=1024, height=1024, batch_size=4096)


def test_decoding_gives_pictures_between_0_and_1(studio: Studio) -> None:
    vae = studio.load()[2]
    pixels = vae_decode(samples=Latent(torch.randn(2, 4, 5, 7) * 50), vae=vae, ctx=studio.context).pixels
    assert pixels.shape == (2, 40, 56, 3)
    assert pixels.dtype == torch.float32
    assert float(pixels.min()) == 0
    assert float(pixels.max()) <= 1


def test_encoding_cuts_the_edges_of_odd_pictures(studio: Studio) -> None:
    vae = studio.load()[2]
    picture = torch.rand(2, 43, 57, 3)
    whole = vae_encode(pixels=Image(picture), vae=vae, ctx=studio.context).samples
    cut = vae_encode(pixels=Image(picture[:, 1:41, 0:56]), vae=vae, ctx=studio.context).samples
    assert whole.shape == (2, 4, 5, 7)
    assert torch.equal(whole, cut)


def test_encoding_leaves_transparency_out(studio: Studio) -> None:
    vae = studio.load()[2]
    picture = torch.rand(1, 16, 16, 4)
    with_alpha = vae_encode(pixels=Image(picture), vae=vae, ctx=studio.context).samples
    assert torch.equal(
        with_alpha, vae_encode(pixels=Image(picture[..., :3]), vae=vae, ctx=studio.context).samples
    )


def test_a_latent_of_another_family_is_not_decoded(studio: Studio) -> None:
    with pytest.raises(BadInput, match="latent has 16 channels, this VAE decodes 4"):
        vae_decode(samples=Latent(torch.zeros(1, 16, 8, 8)), vae=studio.load()[2], ctx=studio.context)


def test_a_picture_smaller_than_a_latent_cell_is_refused() -> None:
    with pytest.raises(BadInput, match="shorter than 8 px"):
        crop_to_multiple(torch.zeros(1, 7, 64, 3), 8)


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [
        (256, 128, (2, 4, 16, 32)),
        (0, 0, (2, 4, 8, 12)),
        (0, 128, (2, 4, 16, 24)),
        (192, 0, (2, 4, 16, 24)),
        (8, 8, (2, 4, 8, 8)),
    ],
)
def test_a_side_of_zero_follows_from_the_other(width: int, height: int, shape: tuple[int, ...]) -> None:
    assert upscale(width, height) == shape


@pytest.mark.parametrize("method", ["nearest-exact", "bilinear", "area", "bicubic", "bislerp"])
def test_every_method_scales(method: str) -> None:
    assert upscale(128, 64, "center", method) == (2, 4, 8, 16)
