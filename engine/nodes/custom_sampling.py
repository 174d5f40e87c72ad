"""Sampling in parts: noise, guider, sampler and sigmas come from nodes of their own."""

import torch

from engine.graph.context import Context
from engine.graph.kinds import (
    Cfg,
    Conditioning,
    Guider,
    Latent,
    Model,
    Noise,
    Sampler,
    Seed,
    Sigmas,
)
from engine.graph.spec import node
from engine.nodes.denoising import sigmas_of, space_of
from engine.nodes.guiders import cfg_guider
from engine.nodes.sampling_run import Walk, run_walk
from engine.sampling.sample import Start, draw_noise, mix

_OUTPUTS = ("output", "denoised_output")


@node("SamplerCustom", category="sampling/custom_sampling", output_names=_OUTPUTS)
def sampler_custom(
    *,
    model: Model,
    add_noise: bool = True,
    noise_seed: Seed = 0,
    cfg: Cfg = 8.0,
    positive: Conditioning,
    negative: Conditioning,
    sampler: Sampler,
    sigmas: Sigmas,
    latent_image: Latent,
    ctx: Context,
) -> tuple[Latent, Latent]:
    """Walks the given levels. The second output is the last estimate of the picture without noise."""
    guider = cfg_guider(model=model, positive=positive, negative=negative, cfg=cfg)
    noise = Noise(noise_seed, is_drawn=add_noise)
    return run_walk(Walk(guider, latent_image, noise, sampler.method, sigmas.levels), ctx)


@node("SamplerCustomAdvanced", category="sampling/custom_sampling", output_names=_OUTPUTS)
def sampler_custom_advanced(
    *,
    noise: Noise,
    guider: Guider,
    sampler: Sampler,
    sigmas: Sigmas,
    latent_image: Latent,
    ctx: Context,
) -> tuple[Latent, Latent]:
    """Walks the given levels. The second output is the last estimate of the picture without noise."""
    return run_walk(Walk(guider, latent_image, noise, sampler.method, sigmas.levels), ctx)


@node("RandomNoise", category="sampling/custom_sampling/noise")
def random_noise(*, noise_seed: Seed = 0) -> Noise:
    """Noise to start from, by its seed."""
    return Noise(noise_seed)


@node("DisableNoise", category="sampling/custom_sampling/noise")
def disable_noise() -> Noise:
    """Starts from the latent as it is, which has its noise already."""
    return Noise(is_drawn=False)


@node("AddNoise", category="_for_testing/custom_sampling/noise")
def add_noise(*, model: Model, noise: Noise, sigmas: Sigmas, latent_image: Latent) -> Latent:
    """Adds the noise between the first and the last level; that of the only one where there is one."""
    if len(sigmas.levels) == 0:
        return latent_image
    first, last = float(sigmas.levels[0]), float(sigmas.levels[-1])
    sigma = abs(first - last) if len(sigmas.levels) > 1 else first
    samples, space = latent_image.samples.float(), space_of(model)
    start = Start(samples, noise.seed, latent_image.batch_index, is_noised=noise.is_drawn)
    noisy = mix(space.to_model(samples), draw_noise(start, samples), sigma, sigmas_of(model))
    finite = torch.nan_to_num(space.to_vae(noisy), nan=0.0, posinf=0.0, neginf=0.0)
    return Latent(finite, latent_image.noise_mask, latent_image.batch_index)
