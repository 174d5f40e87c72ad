"""Nodes that make latents, scale them, and go between latents and pictures."""

from dataclasses import replace
from typing import Annotated

import torch

from engine.graph.context import Context
from engine.graph.kinds import Choice, Count, Crop, Image, Latent, Pixels, ScaledLatentPixels, Vae
from engine.graph.spec import node
from engine.nodes.autoencoding import decode_latents, encode_pictures
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
    """Turns latents into pictures, in tiles where memory does not suffice for the whole."""
    return Image(decode_latents(samples.samples, vae, ctx))


@node("VAEEncode", category="latent", title="VAE Encode")
def vae_encode(*, pixels: Image, vae: Vae, ctx: Context) -> Latent:
    """Turns pictures into latents, in tiles where memory does not suffice; sides that are no multiple of 8
    lose their edges.
    """
    return Latent(encode_pictures(pixels.pixels, vae, ctx))


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
