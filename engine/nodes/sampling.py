"""Nodes that denoise."""

import io
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, cast

import PIL.Image
import torch
from torch import Tensor

from engine.graph.context import Context
from engine.graph.kinds import Cfg, Choice, Conditioning, Denoise, Latent, Model, Seed, Steps, Tip
from engine.graph.spec import node
from engine.models.detect import find_family
from engine.models.family import LatentFormat
from engine.models.kl_vae import KlVae
from engine.nodes.adapting import adapt_guided
from engine.nodes.denoising import check_fit, conditions_of, parametrisation_of, sigmas_of, space_of
from engine.residency.handle import Handle
from engine.residency.pool import Pool
from engine.sampling.denoiser import Condition, Denoiser, Network, OnStep
from engine.sampling.guidance import guide
from engine.sampling.prediction import adapt
from engine.sampling.preview import fit_latent_to_rgb, latent_to_rgb
from engine.sampling.sample import Course, Start, sample
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
    check_fit(model, latent_image, positive, negative)
    latent = find_family(model.handle.family).latent
    sigmas = sigmas_of(model)
    levels = schedule_sigmas(scheduler, sigmas, steps, denoise)
    with torch.inference_mode():
        # Before the network is leased: both at once may not fit.
        on_step = _step_reporter(_preview_matrix(model.preview_vae, latent, ctx.pool), len(levels) - 1, ctx)
        with _denoiser(model, positive, negative, cfg, latent_image, ctx) as denoiser:
            start = Start(latent_image.samples.to(ctx.pool.placement.device), seed, latent_image.batch_index)
            course = Course(levels, sampler_name, sigmas.sigma_max)
            samples = sample(denoiser, start, course, space=space_of(model), on_step=on_step)
    return replace(latent_image, samples=samples.cpu())


@contextmanager
def _denoiser(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    cfg: float,
    latent: Latent,
    ctx: Context,
) -> Generator[Denoiser]:
    """The guided denoiser, while the network is leased. Looks for cancellation before each call of the
    network.
    """
    device = ctx.pool.placement.device
    towards = conditions_of(positive, model, latent, device, is_negative=False)
    away = conditions_of(negative, model, latent, device, is_negative=True)
    with ctx.pool.lease(model.handle) as module:
        dtype = ctx.pool.placement.dtype_of("unet")
        adapted = adapt(cast("Network", module), parametrisation_of(model), dtype)

        def predict(x: Tensor, sigma: float, condition: Condition) -> Tensor:
            ctx.check_cancelled()
            return adapted(x, sigma, condition)

        with adapt_guided(model, module, guide(predict, towards, away, cfg=cfg)) as denoiser:
            yield denoiser


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
