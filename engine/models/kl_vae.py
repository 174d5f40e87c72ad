"""The KL autoencoder of latent diffusion (Rombach et al. 2022) in the released files' key names.

Pixels in the network's own range [-1, 1]; nodes convert. Encoding returns the mean of the posterior, never a
sample, so that image-to-image depends on the sampler's seed alone.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor, nn

from engine.weights.shapes import Shapes, count_blocks

GROUPS = 32
EPSILON = 1e-6


@dataclass(frozen=True)
class KlVaeConfig:
    """All hyper-parameters; `widths` are the channels per level from full resolution down."""

    pixel_channels: int
    latent_channels: int
    widths: tuple[int, ...]
    residual_blocks: int

    @property
    def factor(self) -> int:
        """Pixels per latent element, along each side."""
        return 2 ** (len(self.widths) - 1)

    def build(self) -> "KlVae":
        """The network, with whatever weights the current default device gives."""
        return KlVae(self)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(GROUPS, channels, eps=EPSILON)


class ResnetBlock(nn.Module):
    """Two normed convolutions and a skip."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.norm1 = _norm(channels)
        self.conv1 = nn.Conv2d(channels, out_channels, 3, padding=1)
        self.norm2 = _norm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        if channels != out_channels:
            self.nin_shortcut = nn.Conv2d(channels, out_channels, 1)
        self.has_shortcut = channels != out_channels

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, out_channels, H, W)."""
        hidden = self.conv1(F.silu(self.norm1(x), inplace=True))
        hidden = self.conv2(F.silu(self.norm2(hidden), inplace=True))
        return hidden.add_(self.nin_shortcut(x) if self.has_shortcut else x)


class AttnBlock(nn.Module):
    """Single-head self-attention over all pixels; the projections are stored as 1x1 convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        normed = self.norm(x)
        q, k, v = (
            project(normed).permute(0, 2, 3, 1).flatten(1, 2)[:, None]  # (B, C, H, W) -> (B, 1, HW, C)
            for project in (self.q, self.k, self.v)
        )
        mixed = F.scaled_dot_product_attention(q, k, v)[:, 0]
        picture = mixed.unflatten(1, tuple(x.shape[2:])).permute(0, 3, 1, 2)  # (B, HW, C) -> (B, C, H, W)
        return self.proj_out(picture).add_(x)


class Downsample(nn.Module):
    """Halves the resolution; pads right and below only."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Doubles the resolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Level(nn.Module):
    """The residual blocks of one resolution, then `downsample` or `upsample` where the level has one."""

    def __init__(self, channels: int, out_channels: int, blocks: int) -> None:
        super().__init__()
        widths = [channels] + [out_channels] * blocks
        self.block = nn.ModuleList(ResnetBlock(a, b) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.block:
            x = block(x)
        for name in ("downsample", "upsample"):
            x = getattr(self, name)(x) if hasattr(self, name) else x
        return x


class Middle(nn.Module):
    """The lowest resolution, the only one with attention."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block_1 = ResnetBlock(channels, channels)
        self.attn_1 = AttnBlock(channels)
        self.block_2 = ResnetBlock(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.block_2(self.attn_1(self.block_1(x)))


class Encoder(nn.Module):
    """Pixels to the posterior's mean and log-variance, before `quant_conv`."""

    def __init__(self, config: KlVaeConfig) -> None:
        super().__init__()
        widths = config.widths
        self.conv_in = nn.Conv2d(config.pixel_channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList()
        for before, after in zip((widths[0], *widths), widths, strict=False):
            level = Level(before, after, config.residual_blocks)
            if len(self.down) < len(widths) - 1:
                level.downsample = Downsample(after)
            self.down.append(level)
        self.mid = Middle(widths[-1])
        self.norm_out = _norm(widths[-1])
        self.conv_out = nn.Conv2d(widths[-1], 2 * config.latent_channels, 3, padding=1)

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, pixel_channels, H, W) -> (B, 2 * latent_channels, H / factor, W / factor)."""
        x: Tensor = self.conv_in(pixels)
        for level in self.down:
            x = level(x)
        return self.conv_out(F.silu(self.norm_out(self.mid(x)), inplace=True))


class Decoder(nn.Module):
    """A latent after `post_quant_conv` to pixels; one residual block more a level than the encoder."""

    def __init__(self, config: KlVaeConfig) -> None:
        super().__init__()
        widths = config.widths
        self.conv_in = nn.Conv2d(config.latent_channels, widths[-1], 3, padding=1)
        self.mid = Middle(widths[-1])
        levels: list[Level] = []
        for number, (after, before) in enumerate(zip(widths, (*widths[1:], widths[-1]), strict=True)):
            level = Level(before, after, config.residual_blocks + 1)
            if number > 0:
                level.upsample = Upsample(after)
            levels.append(level)
        self.up = nn.ModuleList(levels)
        self.norm_out = _norm(widths[0])
        self.conv_out = nn.Conv2d(widths[0], config.pixel_channels, 3, padding=1)

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent_channels, h, w) -> (B, pixel_channels, h * factor, w * factor)."""
        x: Tensor = self.mid(self.conv_in(latent))
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(F.silu(self.norm_out(x), inplace=True))


class KlVae(nn.Module):
    """Encoder and decoder between pixels in [-1, 1] and latents in VAE space."""

    def __init__(self, config: KlVaeConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.quant_conv = nn.Conv2d(2 * config.latent_channels, 2 * config.latent_channels, 1)
        self.post_quant_conv = nn.Conv2d(config.latent_channels, config.latent_channels, 1)

    def encode(self, pixels: Tensor) -> Tensor:
        """(B, pixel_channels, H, W), sides multiples of `factor` -> the mean (B, latent_channels, h, w)."""
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        return self.quant_conv(self.encoder(pixels)).chunk(2, dim=1)[0]

    def decode(self, latent: Tensor) -> Tensor:
        """(B, latent_channels, h, w) -> (B, pixel_channels, h * factor, w * factor), not clamped."""
        latent = latent.contiguous(memory_format=torch.channels_last)
        return self.decoder(self.post_quant_conv(latent))


def config_from(shapes: Shapes) -> KlVaeConfig:
    """The configuration that an autoencoder's tensors show; `shapes` without any outer prefix."""
    levels = range(count_blocks(shapes, "encoder.down."))
    return KlVaeConfig(
        pixel_channels=shapes["encoder.conv_in.weight"][1],
        latent_channels=shapes["decoder.conv_in.weight"][1],
        widths=tuple(shapes[f"encoder.down.{level}.block.0.conv1.weight"][0] for level in levels),
        residual_blocks=count_blocks(shapes, "encoder.down.0.block."),
    )
