"""Nodes that make latents, scale them, and go between latents and pictures."""

from dataclasses import replace
from typing import Annotated, cast

import torch
from torch import Tensor

from engine.errors import BadInput
from engine.graph.context import Context
from engine.graph.kinds import Choice, Count, Crop, Image, Latent, Pixels, ScaledLatentPixels, Vae
from engine.graph.spec import node
from engine.models.autoencoder import Autoencoder, AutoencoderConfig
from engine.nodes.resize import LATENT_METHODS, check_size, crop_to_aspect, resize

# Of the latents that people start with; models that differ adapt them when they sample.
CHANNELS, FACTOR = 4, 8
MIN_SIDE_PX = 64

UpscaleMethod = Annotated[str, Choice(LATENT_METHODS)]


@node("EmptyLatentImage", category="latent", title="Empty Latent Image")
def empty_latent_image(*, width: Pixels = 512, height: Pixels = 512, batch_size: Count = 1) -> Latent:
    """Zeros to start text-to-image from."""
    check_size(width, height, batch_size)
    return Latent(torch.zeros(batch_size, CHANNELS, height // FACTOR, width // FACTOR))


@node("VAEDecode", category="latent", title="VAE Decode")
def vae_decode(*, samples: Latent, vae: Vae, ctx: Context) -> Image:
    """Turns latents into pictures."""
    config = cast("AutoencoderConfig", vae.handle.config)
    if samples.samples.shape[1] != config.latent_channels:
        raise BadInput(
            f"the latent has {samples.samples.shape[1]} channels, this VAE decodes {config.latent_channels}"
        )
    placement = ctx.pool.placement
    with torch.inference_mode(), ctx.pool.lease(vae.handle) as module:
        decoder = cast("Autoencoder", module)

        def decode(latent: Tensor) -> Tensor:
            ctx.check_cancelled()
            decoded = decoder.decode(latent.to(placement.device, placement.dtype_of("vae")))
            pixels = decoded.permute(0, 2, 3, 1).float()  # (1, C, H, W) -> (1, H, W, C)
            return ((pixels + 1) / 2).clamp(0, 1).cpu()

        # One by one: a picture's activations take far more room than the picture.
        return Image(torch.cat([decode(latent) for latent in samples.samples.split(1)]))


@node("VAEEncode", category="latent", title="VAE Encode")
def vae_encode(*, pixels: Image, vae: Vae, ctx: Context) -> Latent:
    """Turns pictures into latents; sides that are no multiple of 8 lose their edges."""
    config = cast("AutoencoderConfig", vae.handle.config)
    pictures = crop_to_multiple(pixels.pixels[..., : config.pixel_channels], config.factor)
    placement = ctx.pool.placement
    with torch.inference_mode(), ctx.pool.lease(vae.handle) as module:
        encoder = cast("Autoencoder", module)

        def encode(picture: Tensor) -> Tensor:
            ctx.check_cancelled()
            scaled = (picture * 2 - 1).permute(0, 3, 1, 2)  # (1, H, W, C) -> (1, C, H, W)
            return encoder.encode(scaled.to(placement.device, placement.dtype_of("vae"))).float().cpu()

        return Latent(torch.cat([encode(picture) for picture in pictures.split(1)]))


@node("LatentUpscale", category="latent", title="Upscale Latent")
def latent_upscale(
    *,
    samples: Latent,
    upscale_method: UpscaleMethod,
    width: ScaledLatentPixels = 512,
    height: ScaledLatentPixels = 512,
    crop: Crop,
) -> Latent:
    """Scales latents to a picture's size; a side of 0 follows from the other, both 0 change nothing."""
    if width == 0 and height == 0:
        return samples
    old_height, old_width = samples.samples.shape[-2:]
    width_px = max(MIN_SIDE_PX, width or round(old_width * max(MIN_SIDE_PX, height) / old_height))
    height_px = max(MIN_SIDE_PX, height or round(old_height * max(MIN_SIDE_PX, width) / old_width))
    check_size(width_px, height_px, len(samples.samples))
    target = width_px // FACTOR, height_px // FACTOR
    source = crop_to_aspect(samples.samples, *target) if crop == "center" else samples.samples
    return replace(samples, samples=resize(source, *target, upscale_method))


def crop_to_multiple(pixels: Tensor, factor: int) -> Tensor:
    """The middle of (B, H, W, C) whose sides are multiples of `factor`. Raises BadInput if none is."""
    height, width = (side // factor * factor for side in pixels.shape[1:3])
    if not height or not width:
        raise BadInput(f"a side of the picture is shorter than {factor} px: {list(pixels.shape[1:3])}")
    top, left = (pixels.shape[1] - height) // 2, (pixels.shape[2] - width) // 2
    return pixels[:, top : top + height, left : left + width]
