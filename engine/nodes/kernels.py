"""Convolution of pictures and latents with a Gaussian, channels first."""

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.errors import BadInput

# How much an alpha of 1 takes off around a pixel, as people know the strength from ComfyUI.
_SHARPENING = 10.0


def gaussian(radius: int, sigma: float) -> Tensor:
    """(2 radius + 1, 2 radius + 1), its sum 1. `sigma` is in units of the radius, not in pixels."""
    axis = torch.linspace(-1, 1, 2 * radius + 1)
    curve = torch.exp(-(axis**2) / (2 * sigma**2))
    kernel = torch.outer(curve, curve)
    return kernel / kernel.sum()


def sharpening(radius: int, sigma: float, alpha: float) -> Tensor:
    """An unsharp mask of the same size, its sum 1: the pixel itself less what lies around it."""
    kernel = gaussian(radius, sigma) * (-_SHARPENING * alpha)
    kernel[radius, radius] += 1 - kernel.sum()
    return kernel


def convolve(x: Tensor, kernel: Tensor) -> Tensor:
    """(B, C, H, W), each channel by itself, mirrored at the edges. Raises BadInput if x is too small."""
    radius, channels = len(kernel) // 2, x.shape[1]
    if min(x.shape[-2:]) <= radius:
        raise BadInput(
            f"a radius of {radius} needs more than {radius} elements a side,"
            f" here are {x.shape[-1]} × {x.shape[-2]}"
        )
    mirrored = F.pad(x, (radius,) * 4, mode="reflect")
    return F.conv2d(mirrored, kernel.to(x).expand(channels, 1, -1, -1), groups=channels)
