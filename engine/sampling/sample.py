"""One sampling run, from a latent in VAE space to a latent in VAE space."""

import math
from dataclasses import dataclass

from torch import Tensor

from engine.sampling.denoiser import Denoiser, OnStep, ignore
from engine.sampling.noise import initial_noise, step_noise
from engine.sampling.samplers import SAMPLERS


@dataclass(frozen=True)
class LatentScale:
    """VAE space to model space: (latent - shift) * scale."""

    scale: float
    shift: float = 0.0

    def to_model(self, latent: Tensor) -> Tensor:
        """An all-zero latent means "nothing yet" and stays zero, even where there is a shift."""
        return (latent - self.shift) * self.scale if latent.count_nonzero() else latent

    def to_vae(self, latent: Tensor) -> Tensor:
        """The inverse, for any latent."""
        return latent / self.scale + self.shift


@dataclass(frozen=True)
class Start:
    """Where a run begins. latent: (B, C, H, W) in VAE space, on the network's device.

    `seed` has up to 64 bits; `batch_index` is as for `initial_noise`.
    """

    latent: Tensor
    seed: int
    batch_index: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Course:
    """The way down. levels: falling sigmas (N + 1,), or empty to stay.  sampler: a name in SAMPLERS.

    `sigma_max` is the noisiest level that the network was trained at.
    """

    levels: Tensor
    sampler: str
    sigma_max: float


def sample(
    denoiser: Denoiser, start: Start, course: Course, *, space: LatentScale, on_step: OnStep = ignore
) -> Tensor:
    """The finished latent (B, C, H, W) in VAE space, float32, on `start`'s device.

    `on_step` is given estimates in VAE space.
    """
    latent = start.latent.float()
    if len(course.levels) < 2:
        return latent
    noise = initial_noise(latent.shape, start.seed, start.batch_index).to(latent.device)
    x = add_noise(space.to_model(latent), noise, float(course.levels[0]), course.sigma_max)

    def report(step: int, denoised: Tensor) -> None:
        on_step(step, space.to_vae(denoised))

    walk = SAMPLERS[course.sampler]
    return space.to_vae(walk(denoiser, x, course.levels, step_noise(x, start.seed), report))


def add_noise(latent: Tensor, noise: Tensor, sigma: float, sigma_max: float) -> Tensor:
    """The latent at `sigma`. From the top of the table on it takes sqrt(1 + sigma^2), as in training's last
    step.
    """
    is_full = sigma > sigma_max or math.isclose(sigma, sigma_max, rel_tol=1e-5)
    return latent + noise * ((1 + sigma**2) ** 0.5 if is_full else sigma)
