"""Nodes that denoise."""

import io
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, cast

import PIL.Image
import torch
from torch import Tensor

from engine.errors import BadInput
from engine.graph.context import Context
from engine.graph.kinds import Cfg, Choice, Conditioning, Denoise, Latent, Model, Seed, Steps, Tip
from engine.graph.spec import node
from engine.models.detect import find_family
from engine.models.family import LatentFormat
from engine.models.kl_vae import KlVae
from engine.models.sd_unet import SdUNetConfig
from engine.residency.handle import Handle
from engine.residency.pool import Pool
from engine.sampling.denoiser import Denoiser, Network, OnStep
from engine.sampling.guidance import guide
from engine.sampling.prediction import DiscreteSigmas, EpsPrediction, scaled_linear_sigmas
from engine.sampling.preview import fit_latent_to_rgb, latent_to_rgb
from engine.sampling.sample import Course, LatentScale, Start, sample
from engine.sampling.samplers import SAMPLERS
from engine.sampling.schedules import SCHEDULES, schedule_sigmas

PREVIEW_SIDE_PX = 512
PREVIEW_QUALITY = 85

SamplerName = Annotated[str, Choice(tuple(SAMPLERS)), Tip("How to walk from noise to picture.")]
SchedulerName = Annotated[str, Choice(tuple(SCHEDULES)), Tip("How the noise falls from step to step.")]


@node("KSampler", category="sampling")
def ksampler(
    *,
    model: Model,
    seed: Seed = 0,
    steps: Steps = 20,
    cfg: Cfg = 8.0,
    sampler_name: SamplerName,
    scheduler: SchedulerName,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    denoise: Denoise = 1.0,
    ctx: Context,
) -> Latent:
    """Denoises a latent, guided towards the positive and away from the negative conditioning."""
    _check_fit(model, latent_image, positive, negative)
    latent = find_family(model.handle.family).latent
    sigmas = scaled_linear_sigmas()
    levels = schedule_sigmas(scheduler, sigmas, steps, denoise)
    with torch.inference_mode():
        # Before the network is leased: both at once may not fit.
        on_step = _step_reporter(_preview_matrix(model.preview_vae, latent, ctx.pool), len(levels) - 1, ctx)
        with _denoiser(model, positive, negative, cfg, sigmas, ctx) as denoiser:
            space = LatentScale(latent.scale, latent.shift)
            start = Start(latent_image.samples.to(ctx.pool.placement.device), seed, latent_image.batch_index)
            course = Course(levels, sampler_name, sigmas.sigma_max)
            samples = sample(denoiser, start, course, space=space, on_step=on_step)
    return replace(latent_image, samples=samples.cpu())


def _check_fit(model: Model, latent: Latent, *texts: Conditioning) -> None:
    """Raises BadInput where tensors cannot go through the network."""
    config = cast("SdUNetConfig", model.handle.config)
    title = f"{model.handle.path.name} ({find_family(model.handle.family).title})"
    if latent.samples.shape[1] != config.in_channels:
        raise BadInput(
            f"the latent has {latent.samples.shape[1]} channels, {title} takes {config.in_channels}"
        )
    widths = {entry.cond.shape[-1] for text in texts for entry in text.entries}
    if wrong := widths - {config.context_width}:
        raise BadInput(
            f"the conditioning is {wrong.pop()} wide, {title} takes {config.context_width}:"
            " encode the prompt with the text encoder of the same checkpoint"
        )


@contextmanager
def _denoiser(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    cfg: float,
    sigmas: DiscreteSigmas,
    ctx: Context,
) -> Generator[Denoiser]:
    """The guided denoiser, while the network is leased. Looks for cancellation before each call of the
    network.
    """
    placement = ctx.pool.placement
    with ctx.pool.lease(model.handle) as module:
        adapted = EpsPrediction(cast("Network", module), sigmas, placement.dtype_of("unet"))

        def predict(x: Tensor, sigma: float, text: Tensor) -> Tensor:
            ctx.check_cancelled()
            return adapted(x, sigma, text)

        sides = ([entry.cond.to(placement.device) for entry in side.entries] for side in (positive, negative))
        yield guide(predict, *sides, cfg=cfg)


def _preview_matrix(vae: Handle | None, latent: LatentFormat, pool: Pool) -> Tensor | None:
    """The fitted map from latents to colours; None where no decoder is known."""
    if vae is None:
        return None

    def fit() -> Tensor:
        with pool.lease(vae) as module:
            decoder, placement = cast("KlVae", module), pool.placement

            def decode(samples: Tensor) -> Tensor:
                return decoder.decode(samples.to(placement.device, placement.dtype_of("vae")))

            return fit_latent_to_rgb(decode, latent.channels, spread=1 / latent.scale)

    return pool.note(vae, "latent to RGB", fit)


def _step_reporter(matrix: Tensor | None, total: int, ctx: Context) -> OnStep:
    """Reports each step, with a picture of the first sample where there is a matrix."""

    def on_step(step: int, denoised: Tensor) -> None:
        ctx.report_progress(step + 1, total)

    def on_step_with_preview(step: int, denoised: Tensor) -> None:
        rgb = latent_to_rgb(denoised[0], cast("Tensor", matrix))
        ctx.report_progress(step + 1, total, lambda: _to_jpeg(rgb))

    return on_step if matrix is None else on_step_with_preview


def _to_jpeg(rgb: Tensor) -> bytes:
    """(h, w, 3) bytes -> a JPEG, enlarged eightfold, at most to PREVIEW_SIDE_PX a side."""
    height, width = rgb.shape[:2]
    enlargement = min(8, PREVIEW_SIDE_PX / max(height, width))
    size = max(1, round(width * enlargement)), max(1, round(height * enlargement))
    picture = PIL.Image.fromarray(rgb.numpy()).resize(size, PIL.Image.Resampling.BILINEAR)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=PREVIEW_QUALITY)
    return file.getvalue()
