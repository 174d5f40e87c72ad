"""Pictures to latents and back by a leased autoencoder: whole where memory suffices, otherwise in tiles."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import cast

import torch
from torch import Tensor

from engine.errors import BadInput
from engine.graph.context import Context
from engine.graph.kinds import Vae
from engine.models.autoencoder import Autoencoder, AutoencoderConfig
from engine.models.seamless import seamless
from engine.nodes.tiling import Tiles, Zoom, run_blended, run_within_memory

# Sides of tiles where a picture does not fit, in latent cells: as large as SD 1's pictures, and ever halved.
FALLBACK_SIDES = (64, 32, 16, 8)
# The part of a tile that it shares with the next.
OVERLAP_SHARE = 4


def decode_latents(samples: Tensor, vae: Vae, ctx: Context, tiles: Tiles | None = None) -> Tensor:
    """(B, C, h, w) in VAE space -> (B, H, W, 3) in [0, 1], by tiles of at most that size, in latent cells.

    Raises BadInput, torch.OutOfMemoryError.
    """
    config = config_of(vae)
    if samples.shape[1] != config.latent_channels:
        raise BadInput(
            f"the latent has {samples.shape[1]} channels, this VAE decodes {config.latent_channels}"
        )

    def decode(network: Autoencoder, latent: Tensor) -> Tensor:
        pixels = network.decode(latent).float()
        return ((pixels + 1) / 2).clamp(0, 1).cpu()

    return _run_each(samples, vae, ctx, decode, Zoom(1, config.factor), tiles).permute(0, 2, 3, 1)


def encode_pictures(pixels: Tensor, vae: Vae, ctx: Context, tiles: Tiles | None = None) -> Tensor:
    """(B, H, W, C) in [0, 1] -> (B, C', h, w) in VAE space. Tiles as above.

    Sides that are no multiple of the VAE's factor lose their edges. Raises BadInput, torch.OutOfMemoryError.
    """
    config = config_of(vae)
    pictures = crop_to_multiple(pixels[..., : config.pixel_channels], config.factor).permute(0, 3, 1, 2)

    def encode(network: Autoencoder, picture: Tensor) -> Tensor:
        return network.encode(picture * 2 - 1).float().cpu()

    return _run_each(pictures, vae, ctx, encode, Zoom(config.factor, 1), tiles)


def config_of(vae: Vae) -> AutoencoderConfig:
    """What nodes need to know of the VAE."""
    return cast("AutoencoderConfig", vae.handle.config)


def crop_to_multiple(pixels: Tensor, factor: int) -> Tensor:
    """The middle of (B, H, W, C) whose sides are multiples of `factor`. Raises BadInput if none is."""
    height, width = (side // factor * factor for side in pixels.shape[1:3])
    if not height or not width:
        raise BadInput(f"a side of the picture is shorter than {factor} px: {list(pixels.shape[1:3])}")
    top, left = (pixels.shape[1] - height) // 2, (pixels.shape[2] - width) // 2
    return pixels[:, top : top + height, left : left + width]


def _run_each(
    x: Tensor,
    vae: Vae,
    ctx: Context,
    run: Callable[[Autoencoder, Tensor], Tensor],
    zoom: Zoom,
    tiles: Tiles | None,
) -> Tensor:
    """One by one: a picture's activations take far more room than the picture."""
    placement = ctx.pool.placement
    plans = list(_plans(tiles, max(x.shape[-2:]) // zoom.taken))
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode())
        module = stack.enter_context(ctx.pool.lease(vae.handle))
        network = cast("Autoencoder", module)
        if vae.edges is not None:
            stack.enter_context(seamless(module, vae.edges))

        def call(part: Tensor) -> Tensor:
            ctx.check_cancelled()
            return run(network, part.to(placement.device, placement.dtype_of("vae")))

        def by_plan(picture: Tensor, plan: Tiles | None) -> Tensor:
            if plan is None:
                return call(picture)
            return run_blended(call, picture, plan, zoom, ctx.report_progress)

        return torch.cat(
            [run_within_memory(partial(by_plan, picture), plans, placement) for picture in x.split(1)]
        )


def _plans(tiles: Tiles | None, longest: int) -> Iterator[Tiles | None]:
    """What was asked for, then ever smaller tiles. longest: side of the picture, in latent cells."""
    yield tiles
    largest = longest if tiles is None else min(tiles.height, longest)
    yield from (square(side, side // OVERLAP_SHARE) for side in FALLBACK_SIDES if side < largest)


def square(side: int, overlap: int) -> Tiles:
    """Square tiles; an overlap beyond a quarter of a tile would only make more of them."""
    return Tiles(side, side, min(overlap, side // OVERLAP_SHARE))
