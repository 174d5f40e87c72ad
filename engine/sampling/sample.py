"""One sampling run, from a latent in VAE space to a latent in VAE space."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.sampling.denoiser import Denoiser, OnStep, ignore
from engine.sampling.noise import initial_noise, step_noise
from engine.sampling.prediction import DiscreteSigmas
from engine.sampling.samplers import SAMPLERS
from engine.sampling.schedules import schedule_sigmas


@dataclass(frozen=True)
class Settings:
    """What a person chooses. `denoise` in [0, 1]: the share of the schedule that is walked."""

    seed: int
    steps: int
    sampler: str
    schedule: str
    denoise: float = 1.0


@dataclass(frozen=True)
class LatentScale:
    """VAE space to model space: (latent - shift) * scale."""

    scale: float
    shift: float = 0.0

    def to_model(self, latent: Tensor) -> Tensor:
        """An all-zero latent means "nothing yet" and stays zero, even where there is a shift."""
        return (latent - self.shift) * self.scale if latent.count_nonzero() else latent

    def to_vae(self, latent: Tensor) -> Tensor:
        return latent / self.scale + self.shift


@dataclass(frozen=True)
class Start:
    """Where a run begins. latent: (B, C, H, W) in VAE space, on the device of the network."""

    latent: Tensor
    batch_index: tuple[int, ...] | None = None


def sample(
    denoiser: Denoiser,
    start: Start,
    *,
    sigmas: DiscreteSigmas,
    space: LatentScale,
    settings: Settings,
    on_step: OnStep = ignore,
) -> Tensor:
    """The finished latent, in VAE space, float32, on `start`'s device; `on_step` gets each estimate in VAE
    space.
    """
    levels = schedule_sigmas(settings.schedule, sigmas, settings.steps, settings.denoise)
    latent = start.latent.float()
    if len(levels) < 2:
        return latent
    noise = initial_noise(latent.shape, settings.seed, start.batch_index).to(latent.device)
    x = add_noise(space.to_model(latent), noise, float(levels[0]), sigmas)
    source = step_noise(x, settings.seed)
    sampler = SAMPLERS[settings.sampler]

    def report(step: int, denoised: Tensor) -> None:
        on_step(step, space.to_vae(denoised))

    return space.to_vae(sampler(denoiser, x, levels, source, report))


def add_noise(latent: Tensor, noise: Tensor, sigma: float, sigmas: DiscreteSigmas) -> Tensor:
    """The latent at `sigma`. At the top of the table it takes sqrt(1 + sigma^2), what training's last step
    had.
    """
    is_full = math.isclose(sigma, sigmas.sigma_max, rel_tol=1e-5) or sigma > sigmas.sigma_max
    return latent + noise * (torch.tensor(1 + sigma**2).sqrt() if is_full else sigma)
