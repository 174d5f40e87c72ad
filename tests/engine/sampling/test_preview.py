import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.sampling.preview import fit_latent_to_rgb, latent_to_rgb

MIX = torch.tensor([[0.3, -0.2, 0.1], [0.0, 0.2, -0.1], [-0.2, 0.1, 0.3], [0.1, 0.1, 0.1]])
BIAS = torch.tensor([0.1, -0.3, 0.2])


def linear_decoder(latent: Tensor) -> Tensor:
    """Every pixel is a fixed mix of its latent element."""
    mixed = torch.einsum("bchw,cr->brhw", latent, MIX) + BIAS[:, None, None]
    return F.interpolate(mixed, scale_factor=8.0)


def test_a_linear_decoder_is_found_exactly() -> None:
    matrix = fit_latent_to_rgb(linear_decoder, channels=4, spread=5.0)
    torch.testing.assert_close(matrix, torch.cat([MIX, BIAS[None]]), rtol=0, atol=1e-5)


def test_colours_span_the_decoders_range_in_bytes() -> None:
    matrix = torch.cat([torch.eye(3), torch.zeros(1, 3)])
    latent = torch.tensor([-1.0, 0.0, 4.0]).reshape(3, 1, 1)
    assert latent_to_rgb(latent, matrix).tolist() == [[[0, 128, 255]]]


def test_the_picture_lies_as_the_latent_does() -> None:
    matrix = torch.cat([torch.eye(3), torch.zeros(1, 3)])
    latent = torch.full((3, 2, 5), -1.0)
    latent[:, 1, 4] = 1
    rgb = latent_to_rgb(latent, matrix)
    assert rgb.shape == (2, 5, 3)
    assert rgb[1, 4].tolist() == [255, 255, 255]
    assert int(rgb.sum()) == 3 * 255
