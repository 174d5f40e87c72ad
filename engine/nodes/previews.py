"""Pictures of what a sampler expects, on its way: by TAESD where there is a decoder for the latents,
otherwise by colours that are linear in the latent's channels.
"""

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import PIL.Image
from torch import Tensor

from engine.errors import BadInput, OutOfMemory
from engine.graph.context import Context
from engine.graph.kinds import Model
from engine.models.autoencoder import Autoencoder
from engine.models.detect import find_family
from engine.models.family import LatentFormat
from engine.nodes.tiny_vae import find_preview_decoder
from engine.residency.handle import Handle
from engine.residency.memory import is_out_of_memory
from engine.residency.pool import Pool
from engine.sampling.denoiser import OnStep
from engine.sampling.preview import fit_latent_to_rgb, latent_to_rgb, pixels_to_rgb

logger = logging.getLogger(__name__)

SIDE_PX = 512
QUALITY = 85


@dataclass(frozen=True)
class Painter:
    """paint: (1, C, h, w) in VAE space -> (H, W, 3) in bytes, or None if there is no room for it now.

    enlargement: how much larger the picture is to be shown, up to SIDE_PX.
    """

    paint: Callable[[Tensor], Tensor | None]
    enlargement: int

    def picture_of(self, latent: Tensor) -> Callable[[], bytes] | None:
        """What makes the JPEG of a latent."""
        rgb = self.paint(latent)
        return None if rgb is None else lambda: _to_jpeg(rgb, self.enlargement)


def step_reporter(model: Model, total: int, ctx: Context) -> OnStep:
    """Reports each step of a run, with a picture of the first sample where a decoder is known.

    To be called before the network is leased: an autoencoder beside it may not fit.
    """
    painter = _tiny_painter(model, ctx) or _linear_painter(model, ctx.pool)

    def on_step(step: int, denoised: Tensor) -> None:
        ctx.check_cancelled()
        preview = painter and painter.picture_of(denoised[:1])
        ctx.report_progress(step + 1, total, preview)

    return on_step


def _tiny_painter(model: Model, ctx: Context) -> Painter | None:
    """None without a decoder, and with one that cannot be used: no run is to fail for its previews."""
    try:
        handle = find_preview_decoder(model, ctx.models)
        if handle is None:
            return None
        with ctx.pool.lease(handle):
            return Painter(lambda latent: _decode(latent, handle, ctx.pool), enlargement=1)
    except (BadInput, OutOfMemory) as problem:
        logger.warning("previews are made without TAESD: %s", problem)
        return None


def _decode(latent: Tensor, handle: Handle, pool: Pool) -> Tensor | None:
    """None where the decoder does not fit beside the network that is sampled."""
    try:
        with pool.lease(handle) as module:
            decoder, placement = cast("Autoencoder", module), pool.placement
            decoded = decoder.decode(latent.to(placement.device, placement.dtype_of("vae")))
            return pixels_to_rgb(decoded[0])
    except (OutOfMemory, RuntimeError, MemoryError) as problem:
        if isinstance(problem, OutOfMemory) or is_out_of_memory(problem):
            return None
        raise


def _linear_painter(model: Model, pool: Pool) -> Painter | None:
    if model.preview_vae is None:
        return None
    latent = find_family(model.handle.family).latent
    matrix = _fit_matrix(model.preview_vae, latent, pool)
    return Painter(lambda samples: latent_to_rgb(samples[0], matrix), latent.factor)


def _fit_matrix(vae: Handle, latent: LatentFormat, pool: Pool) -> Tensor:
    """The map from latents to colours."""

    def fit() -> Tensor:
        with pool.lease(vae) as module:
            decoder, placement = cast("Autoencoder", module), pool.placement

            def decode(samples: Tensor) -> Tensor:
                return decoder.decode(samples.to(placement.device, placement.dtype_of("vae")))

            return fit_latent_to_rgb(decode, latent.channels, spread=1 / latent.scale)

    return pool.note(vae, "latent to RGB", fit)


def _to_jpeg(rgb: Tensor, enlargement: int) -> bytes:
    """(h, w, 3) bytes -> a JPEG, enlarged so much, at most to SIDE_PX a side."""
    height, width = rgb.shape[:2]
    factor = min(enlargement, SIDE_PX / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    picture = PIL.Image.fromarray(rgb.numpy()).resize(size, PIL.Image.Resampling.BILINEAR)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
