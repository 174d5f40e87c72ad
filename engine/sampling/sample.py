"""One sampling run, from a latent in VAE space to a latent in VAE space."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.errors import BadInput
from engine.sampling.denoiser import GuidedDenoiser, OnStep, ignore
from engine.sampling.inpaint import MaskAt, Repainting, fit_mask, paste, same_mask
from engine.sampling.noise import brownian_noise, initial_noise, step_noise
from engine.sampling.process import Process, alpha_at
from engine.sampling.samplers.method import Method
from engine.sampling.sigmas import DiscreteSigmas


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

    `seed` has up to 64 bits; `batch_index` is as for `initial_noise`; is_noised False: the latent has its
    noise already.  mask: (B or 1, H', W'), 1 = repaint; `mask_at` may change it from level to level.
    """

    latent: Tensor
    seed: int
    batch_index: tuple[int, ...] | None = None
    is_noised: bool = True
    mask: Tensor | None = None
    mask_at: MaskAt = same_mask


@dataclass(frozen=True)
class Course:
    """The way down. levels: sigmas (N + 1,), or empty to stay; only the last may be 0.

    `sigmas` are the levels that the network was trained at.
    """

    levels: Tensor
    method: Method
    sigmas: DiscreteSigmas


def sample(
    denoiser: GuidedDenoiser, start: Start, course: Course, *, space: LatentScale, on_step: OnStep = ignore
) -> Tensor:
    """The finished latent (B, C, H, W) in VAE space, float32, on `start`'s device.

    `on_step` is given estimates in VAE space. Raises BadInput for levels that cannot be walked.
    """
    latent = start.latent.float()
    # A step between equal levels does nothing, and methods that divide by its width cannot take it.
    levels = torch.unique_consecutive(course.levels)
    if len(levels) < 2:
        return latent
    check_levels(levels)
    original = space.to_model(latent)
    noise = draw_noise(start, latent)
    draw = brownian_noise(latent, start.seed, levels) if course.method.is_brownian else None
    process = Process(course.sigmas, draw or step_noise(latent, start.seed))
    x = add_noise(original, noise, float(levels[0]), course.sigmas)
    mask = None if start.mask is None else fit_mask(start.mask, latent)
    if mask is not None:
        around = initial_noise(latent.shape, start.seed + 1).to(latent.device)
        around = around if course.method.has_fresh_mask_noise else noise
        denoiser = Repainting(denoiser, process, original, around, mask, start.mask_at)

    def report(step: int, denoised: Tensor) -> None:
        on_step(step, space.to_vae(denoised))

    x = course.method.walk(denoiser, x, levels, process, report)
    finished = space.to_vae(_without_flow_scale(x, float(levels[-1]), process))
    return finished if mask is None or levels[-1] > 0 else paste(finished, latent, mask)


def check_levels(levels: Tensor) -> None:
    """Raises BadInput where a level is not a number above 0; the last may be 0."""
    for place, sigma in enumerate(levels.tolist()):
        if not math.isfinite(sigma) or sigma < 0 or (sigma == 0 and place < len(levels) - 1):
            raise BadInput(f"sigma {sigma} at place {place}: all but the last are finite and above 0")


def draw_noise(start: Start, latent: Tensor) -> Tensor:
    """The noise that a run starts from, unit or none, of `latent`'s shape and on its device."""
    if not start.is_noised:
        return torch.zeros_like(latent)
    return initial_noise(latent.shape, start.seed, start.batch_index).to(latent.device)


def add_noise(latent: Tensor, noise: Tensor, sigma: float, sigmas: DiscreteSigmas) -> Tensor:
    """The latent at `sigma`. From the top of the table on, added noise takes sqrt(1 + sigma^2), as in
    training's last step.
    """
    is_full = sigma > sigmas.sigma_max or math.isclose(sigma, sigmas.sigma_max, rel_tol=1e-5)
    return mix(latent, noise, (1 + sigma**2) ** 0.5 if is_full and not sigmas.is_flow else sigma, sigmas)


def mix(latent: Tensor, noise: Tensor, sigma: float, sigmas: DiscreteSigmas) -> Tensor:
    """Latent and noise in the shares that they have at `sigma`."""
    return latent * alpha_at(sigmas, sigma) + noise * sigma


def _without_flow_scale(x: Tensor, sigma: float, process: Process) -> Tensor:
    """What stopped half-way is handed on at the data's own scale, as `add_noise` expects it."""
    alpha = process.alpha(sigma)
    return x if alpha <= 0 else x / alpha
