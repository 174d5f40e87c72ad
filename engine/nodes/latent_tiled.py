"""Nodes that go between latents and pictures tile by tile, for pictures that are too large for the memory."""

from typing import Annotated

from engine.graph.context import Context
from engine.graph.kinds import Image, IntWidget, Latent, Tip, Vae
from engine.graph.spec import node
from engine.nodes.autoencoding import config_of, decode_latents, encode_pictures, square
from engine.nodes.tiling import Tiles

_MAX_PX = 4096
_OVERLAP_TIP = Tip("How far tiles reach into each other, at most a quarter of a tile.")
_VIDEO_TIP = Tip("Of videos; changes nothing about pictures.")
DecodedTile = Annotated[int, IntWidget(64, _MAX_PX, step=32), Tip("The side of a tile, in pixels.")]
EncodedTile = Annotated[int, IntWidget(64, _MAX_PX, step=64), Tip("The side of a tile, in pixels.")]
Overlap = Annotated[int, IntWidget(0, _MAX_PX, step=32), _OVERLAP_TIP]
TemporalSize = Annotated[int, IntWidget(8, _MAX_PX, step=4), _VIDEO_TIP]
TemporalOverlap = Annotated[int, IntWidget(4, _MAX_PX, step=4), _VIDEO_TIP]


@node("VAEDecodeTiled", category="_for_testing", title="VAE Decode (Tiled)")
def vae_decode_tiled(
    *,
    samples: Latent,
    vae: Vae,
    tile_size: DecodedTile = 512,
    overlap: Overlap = 64,
    temporal_size: TemporalSize = 64,
    temporal_overlap: TemporalOverlap = 8,
    ctx: Context,
) -> Image:
    """Turns latents into pictures, tile by tile."""
    return Image(decode_latents(samples.samples, vae, ctx, tiles_of(tile_size, overlap, vae)))


@node("VAEEncodeTiled", category="_for_testing", title="VAE Encode (Tiled)")
def vae_encode_tiled(
    *,
    pixels: Image,
    vae: Vae,
    tile_size: EncodedTile = 512,
    overlap: Overlap = 64,
    temporal_size: TemporalSize = 64,
    temporal_overlap: TemporalOverlap = 8,
    ctx: Context,
) -> Latent:
    """Turns pictures into latents, tile by tile."""
    return Latent(encode_pictures(pixels.pixels, vae, ctx, tiles_of(tile_size, overlap, vae)))


def tiles_of(side_px: int, overlap_px: int, vae: Vae) -> Tiles:
    """Tiles in latent cells."""
    factor = config_of(vae).factor
    return square(side_px // factor, overlap_px // factor)
