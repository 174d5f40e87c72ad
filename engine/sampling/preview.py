"""A rough picture of a latent, without its decoder: each colour channel is linear in the latent's channels.

The matrix is fitted to the very decoder that will be used, so that it holds for every checkpoint.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.sampling.noise import generator

# Smooth blobs: decoders answer to latents that vary slowly as they do to pictures.
_BLOBS, _SIDE = 6, 24


def fit_latent_to_rgb(decode: Callable[[Tensor], Tensor], channels: int, spread: float) -> Tensor:
    """The least-squares map from a latent's element, plus a constant, to its pixels' mean colour: (channels +
    1, 3).

    decode: (1, channels, h, w) in VAE space -> (1, 3, H, W) in [-1, 1]. spread: standard deviation of its
    latents.
    """
    blobs = torch.randn(1, channels, _BLOBS, _BLOBS, generator=generator(0)) * spread
    latent = F.interpolate(blobs, size=(_SIDE, _SIDE), mode="bicubic")
    colours = F.adaptive_avg_pool2d(decode(latent).float().cpu(), _SIDE)  # (1, 3, H, W) -> (1, 3, h, w)
    return torch.linalg.lstsq(_with_constant(latent), colours[0].flatten(1).T).solution


def latent_to_rgb(latent: Tensor, matrix: Tensor) -> Tensor:
    """(C, h, w) in VAE space -> (h, w, 3), bytes."""
    latent = latent.float().cpu()
    colours = (_with_constant(latent[None]) @ matrix).unflatten(0, tuple(latent.shape[1:]))
    return _to_bytes(colours)


def pixels_to_rgb(pixels: Tensor) -> Tensor:
    """(3, H, W) in [-1, 1] -> (H, W, 3), bytes."""
    return _to_bytes(pixels.permute(1, 2, 0).float().cpu())


def _to_bytes(colours: Tensor) -> Tensor:
    """[-1, 1] -> 0 … 255."""
    return ((colours + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def _with_constant(latent: Tensor) -> Tensor:
    """(1, C, h, w) -> (hw, C + 1), the last column ones."""
    elements = latent[0].flatten(1).T
    return torch.cat([elements, torch.ones_like(elements[:, :1])], dim=1)
