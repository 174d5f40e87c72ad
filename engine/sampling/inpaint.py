"""Repainting part of a latent: the rest is kept at the noise of each level, and is itself in the end."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.sampling.denoiser import GuidedDenoiser
from engine.sampling.process import Process

# From the mask (B, 1, H, W), 1 = repaint, and a level to the mask at that level.
MaskAt = Callable[[Tensor, float], Tensor]


def same_mask(mask: Tensor, sigma: float) -> Tensor:
    """The MaskAt of plain inpainting."""
    return mask


@dataclass(frozen=True, eq=False)
class Repainting:
    """A denoiser that sees the original where the mask is 0, and says it is there.

    original, noise: (B, C, H, W) in model space.  mask: (B or 1, 1, H, W) in [0, 1].
    """

    denoiser: GuidedDenoiser
    process: Process
    original: Tensor
    noise: Tensor
    mask: Tensor
    mask_at: MaskAt = same_mask

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """The estimate, with the original around it."""
        mask = self.mask_at(self.mask, sigma)
        return self._surround(self.denoiser(self._show(x, sigma, mask), sigma), mask)

    def with_unconditional(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """Both estimates; only the guided one has the original around it."""
        mask = self.mask_at(self.mask, sigma)
        guided, unconditional = self.denoiser.with_unconditional(self._show(x, sigma, mask), sigma)
        return self._surround(guided, mask), unconditional

    def _show(self, x: Tensor, sigma: float, mask: Tensor) -> Tensor:
        return x * mask + self.process.mix(self.original, self.noise, sigma) * (1 - mask)

    def _surround(self, denoised: Tensor, mask: Tensor) -> Tensor:
        return denoised * mask + self.original * (1 - mask)


def fit_mask(mask: Tensor, latent: Tensor) -> Tensor:
    """A mask (B', H', W') or (B', 1, H', W') at the latent's size and batch: (B, 1, H, W), float32."""
    flat = mask.float().reshape(-1, 1, *mask.shape[-2:]).to(latent.device)
    resized = F.interpolate(flat, latent.shape[-2:], mode="bilinear")
    return resized[torch.arange(latent.shape[0]) % len(resized)]


def paste(repainted: Tensor, original: Tensor, mask: Tensor) -> Tensor:
    """`repainted` with the very numbers of `original` where nothing was to change."""
    return torch.where(mask == 0, original, repainted)
