"""TAESD, a tiny autoencoder for the latents of Stable Diffusion (Bohan 2023, github.com/madebyollin/taesd),
and its kin for other latents: convolutions and ReLUs, without norms and attention.

It was trained on pixels in [0, 1] and on latents as the denoiser sees them; encoding and decoding go between
those and what all autoencoders here take, pixels in [-1, 1] and latents in VAE space.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.models.family import PartLayout, Place
from engine.weights.layout import Layout, Source
from engine.weights.shapes import Shapes

ENCODER, DECODER = "taesd_encoder.", "taesd_decoder."
PIXEL_CHANNELS = 3
FACTOR = 8
# Of the encoder's four resolutions from the finest down; of the decoder's from the coarsest up.
ENCODER_BLOCKS, DECODER_BLOCKS = (1, 3, 3, 3), (3, 3, 3, 1)
# Latents beyond three deviations are bent back into what training knew.
LATENT_BOUND = 3.0
SCALE, SHIFT = "vae_scale", "vae_shift"


@dataclass(frozen=True)
class TaesdConfig:
    """All hyper-parameters. widths: of the layers between; None where there is no encoder or no decoder.

    scale, shift: how its latents come from VAE space, (latent - shift) * scale.
    """

    latent_channels: int
    encoder_width: int | None
    decoder_width: int | None
    scale: float = 1.0
    shift: float = 0.0

    @property
    def pixel_channels(self) -> int:
        """Red, green and blue."""
        return PIXEL_CHANNELS

    @property
    def factor(self) -> int:
        """Pixels per latent element, along each side."""
        return FACTOR

    def build(self) -> "Taesd":
        """The network, with whatever weights the current default device gives."""
        return Taesd(self)


class Block(nn.Module):
    """Three convolutions and a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            _conv(width, width), nn.ReLU(), _conv(width, width), nn.ReLU(), _conv(width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return self.conv(x).add_(x).relu_()


class SoftBound(nn.Module):
    """Keeps latents within LATENT_BOUND, smoothly."""

    def forward(self, latent: Tensor) -> Tensor:
        return torch.tanh(latent / LATENT_BOUND) * LATENT_BOUND


def _conv(channels: int, out_channels: int, *, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(channels, out_channels, 3, stride=stride, padding=1, bias=bias)


def build_encoder(width: int, latent_channels: int) -> nn.Sequential:
    """(B, 3, H, W) in [0, 1] -> (B, latent_channels, H / 8, W / 8), as the denoiser sees latents."""
    layers: list[nn.Module] = [_conv(PIXEL_CHANNELS, width)]
    for level, blocks in enumerate(ENCODER_BLOCKS):
        if level > 0:
            layers.append(_conv(width, width, stride=2, bias=False))
        layers += [Block(width) for _ in range(blocks)]
    return nn.Sequential(*layers, _conv(width, latent_channels))


def build_decoder(width: int, latent_channels: int) -> nn.Sequential:
    """(B, latent_channels, h, w) as the denoiser sees latents -> (B, 3, 8 h, 8 w), about in [0, 1]."""
    layers: list[nn.Module] = [SoftBound(), _conv(latent_channels, width), nn.ReLU()]
    for level, blocks in enumerate(DECODER_BLOCKS):
        if level > 0:
            layers += [nn.Upsample(scale_factor=2.0), _conv(width, width, bias=False)]
        layers += [Block(width) for _ in range(blocks)]
    return nn.Sequential(*layers, _conv(width, PIXEL_CHANNELS))


class Taesd(nn.Module):
    """Encoder and decoder, or one of them, between pixels in [-1, 1] and latents in VAE space."""

    def __init__(self, config: TaesdConfig) -> None:
        super().__init__()
        self.config = config
        if config.encoder_width is not None:
            self.taesd_encoder = build_encoder(config.encoder_width, config.latent_channels)
        if config.decoder_width is not None:
            self.taesd_decoder = build_decoder(config.decoder_width, config.latent_channels)

    def encode(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W), sides multiples of 8 -> (B, latent_channels, H / 8, W / 8)."""
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        return self.taesd_encoder(pixels * 0.5 + 0.5) / self.config.scale + self.config.shift

    def decode(self, latent: Tensor) -> Tensor:
        """(B, latent_channels, h, w) -> (B, 3, 8 h, 8 w), not clamped."""
        latent = latent.contiguous(memory_format=torch.channels_last)
        return self.taesd_decoder((latent - self.config.shift) * self.config.scale) * 2 - 1


def config_from(shapes: Shapes) -> TaesdConfig:
    """The configuration that the tensors show, in the module's names; scale and shift are left at 1 and 0.

    Raises KeyError for neither an encoder nor a decoder, ValueError for two of different latents.
    """
    stem, head = shapes.get(f"{ENCODER}0.weight"), shapes.get(f"{DECODER}1.weight")
    if stem is None and head is None:
        raise KeyError(f"{DECODER}1.weight")
    # Its layers are numbered through; the last one makes the latent.
    last = f"{ENCODER}{sum(ENCODER_BLOCKS) + len(ENCODER_BLOCKS)}.weight"
    channels = ([shapes[last][0]] if stem else []) + ([head[1]] if head else [])
    if len(set(channels)) > 1:
        raise ValueError(f"latents of {min(channels)} and {max(channels)} channels")
    return TaesdConfig(channels[0], stem[0] if stem else None, head[0] if head else None)


def encoder_layout(shapes: Shapes) -> Mapping[str, Source]:
    """The encoder in a file of its own, without any prefix."""
    return {ENCODER + name: Source(name, shape) for name, shape in shapes.items()}


def decoder_layout(shapes: Shapes) -> Mapping[str, Source]:
    """The decoder likewise."""
    return {DECODER + name: Source(name, shape) for name, shape in shapes.items()}


def whole_layout(shapes: Shapes) -> Mapping[str, Source]:
    """Both in one file, which says scale and shift as well."""
    return {name: Source(name, shape) for name, shape in shapes.items() if name not in (SCALE, SHIFT)}


def _part(marker: str, layout: Layout) -> PartLayout:
    return PartLayout((Place("", marker, layout),), config_from)


WHOLE_MARKER = f"{DECODER}1.weight"
ENCODER_FILE = _part("1.conv.0.weight", encoder_layout)
DECODER_FILE = _part("3.conv.0.weight", decoder_layout)
WHOLE_FILE = _part(WHOLE_MARKER, whole_layout)
