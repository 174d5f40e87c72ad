"""What nodes ask of every autoencoder between pictures and latents, whatever its architecture."""

from typing import Protocol

from torch import Tensor


class AutoencoderConfig(Protocol):
    """The numbers that nodes need. factor: pixels per latent element, along each side."""

    @property
    def pixel_channels(self) -> int: ...

    @property
    def latent_channels(self) -> int: ...

    @property
    def factor(self) -> int: ...


class Autoencoder(Protocol):
    """Pixels are in [-1, 1], latents in VAE space."""

    def encode(self, pixels: Tensor) -> Tensor:
        """(B, pixel_channels, H, W), sides multiples of `factor` -> (B, latent_channels, h, w)."""
        ...

    def decode(self, latent: Tensor) -> Tensor:
        """(B, latent_channels, h, w) -> (B, pixel_channels, h * factor, w * factor), not clamped."""
        ...
