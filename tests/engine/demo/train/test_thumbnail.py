"""The autoencoder's first weights do what they claim."""

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention

from engine.demo.train.networks import new_autoencoder


def test_latents_begin_as_mean_colours() -> None:
    torch.manual_seed(2)
    pixels = torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        latents = new_autoencoder().encode(pixels)
    # What a colour adds to the deviation of its group: (x / reference)^2 / 2, averaged over the picture.
    assert (latents[:, :3] - F.avg_pool2d(pixels, 8)).abs().max() < 0.02


def test_plain_pictures_keep_their_colour() -> None:
    torch.manual_seed(2)
    colours = torch.rand(8, 3, 1, 1) * 1.6 - 0.8
    vae = new_autoencoder()
    with torch.no_grad():
        restored = vae.decode(vae.encode(colours.expand(8, 3, 64, 64)))
    # Edges are padded with zeros; the random rest of the last layer adds some grain.
    inside = restored[:, :, 16:48, 16:48].mean(dim=(2, 3), keepdim=True)
    assert (inside - colours).abs().max() < 0.2
