"""Nodes that prepare pictures for networks that are shown one: inpainting and instruct-pix2pix."""

import math
from dataclasses import replace
from typing import Annotated

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.graph.context import Context
from engine.graph.kinds import Conditioning, Image, IntWidget, Latent, Mask, Tip, Vae
from engine.graph.spec import node
from engine.nodes.autoencoding import config_of, crop_to_multiple
from engine.nodes.latent import vae_encode
from engine.nodes.resize import resize

Growth = Annotated[int, IntWidget(0, 64, step=1), Tip("By how many pixels the mask is widened.")]
# What a network is shown in place of what it shall paint.
GREY = 0.5


@node(
    "InpaintModelConditioning",
    category="conditioning/inpaint",
    title="InpaintModelConditioning",
    output_names=("positive", "negative", "latent"),
)
def inpaint_model_conditioning(
    *,
    positive: Conditioning,
    negative: Conditioning,
    vae: Vae,
    pixels: Image,
    mask: Mask,
    noise_mask: bool = True,
    ctx: Context,
) -> tuple[Conditioning, Conditioning, Latent]:
    """Shows an inpainting network the picture around the mask; with noise_mask the rest stays untouched."""
    picture, cover = _fit(pixels, mask, vae)
    shown = vae_encode(pixels=Image(_hide(picture, cover)), vae=vae, ctx=ctx).samples
    latent = vae_encode(pixels=Image(picture), vae=vae, ctx=ctx)
    masked = replace(latent, noise_mask=cover if noise_mask else None)
    return _show(positive, shown, cover), _show(negative, shown, cover), masked


@node(
    "InstructPixToPixConditioning",
    category="conditioning/instructpix2pix",
    title="InstructPixToPixConditioning",
    output_names=("positive", "negative", "latent"),
)
def instruct_pix_to_pix_conditioning(
    *, positive: Conditioning, negative: Conditioning, vae: Vae, pixels: Image, ctx: Context
) -> tuple[Conditioning, Conditioning, Latent]:
    """Shows a network that follows instructions the picture to change."""
    shown = vae_encode(pixels=pixels, vae=vae, ctx=ctx).samples
    return _show(positive, shown), _show(negative, shown), Latent(torch.zeros_like(shown))


@node("VAEEncodeForInpaint", category="latent/inpaint", title="VAE Encode (for Inpainting)")
def vae_encode_for_inpaint(
    *, pixels: Image, vae: Vae, mask: Mask, grow_mask_by: Growth = 6, ctx: Context
) -> Latent:
    """Encodes a picture with grey under the mask, which is widened so that the border blends."""
    picture, cover = _fit(pixels, mask, vae)
    latent = vae_encode(pixels=Image(_hide(picture, cover)), vae=vae, ctx=ctx)
    return replace(latent, noise_mask=grow(cover, grow_mask_by).round())


def grow(mask: Tensor, by: int) -> Tensor:
    """Each pixel's sum over a square of side `by` around it, at most 1. (B, H, W) -> (B, H, W)."""
    if by == 0:
        return mask
    padding = math.ceil((by - 1) / 2)
    square = torch.ones(1, 1, by, by)
    height, width = mask.shape[-2:]
    return F.conv2d(mask.round()[:, None], square, padding=padding)[:, 0, :height, :width].clamp(0, 1)


def _show(side: Conditioning, latent: Tensor, mask: Tensor | None = None) -> Conditioning:
    entries = (replace(entry, concat_latent=latent, concat_mask=mask) for entry in side.entries)
    return Conditioning(tuple(entries))


def _fit(pixels: Image, mask: Mask, vae: Vae) -> tuple[Tensor, Tensor]:
    """Picture (B, H, W, 3) and mask (B', H, W) of one size, its sides multiples of what a latent covers."""
    factor = config_of(vae).factor
    height, width = pixels.pixels.shape[1:3]
    resized = resize(mask.values[:, None], width, height, "bilinear")[:, 0]
    cover = crop_to_multiple(resized[..., None], factor)[..., 0]
    return crop_to_multiple(pixels.pixels[..., :3], factor), cover


def _hide(picture: Tensor, mask: Tensor) -> Tensor:
    """The picture with grey where the rounded mask is 1."""
    kept = 1 - mask.round()[..., None]
    return (picture - GREY) * kept + GREY
