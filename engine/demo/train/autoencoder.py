"""The KL autoencoder: 128 x 128 pictures to 16 x 16 latents of four channels, and back."""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor
from tqdm import tqdm

from engine.demo.train.corpus import to_pixels
from engine.demo.train.networks import LATENT_SCALE, new_autoencoder
from engine.demo.train.state import Plan, Training, read_averages
from engine.models.kl_vae import KlVae

BATCH: Final = 8
RATE: Final = 8e-4
# Pieces suffice for all layers but the one attention, which sees whole pictures in the last steps.
PIECE: Final = 64
WHOLE_SHARE: Final = 0.12
WHOLE_BATCH: Final = 3
KL_WEIGHT: Final = 2e-5
EDGE_WEIGHT: Final = 0.3
SAVE_EVERY: Final = 250
# Of the latents' spread, measured on this many pictures.
MEASURED: Final = 512


def train_autoencoder(pictures: npt.NDArray[np.uint8], path: Path, plan: Plan) -> None:
    """Train to `steps`, from where the file at `path` is, and leave it there."""
    torch.manual_seed(plan.seed)
    vae = new_autoencoder().to(plan.device)
    training = Training({"vae": vae}, {"vae": RATE}, steps=plan.steps, average=0.995)
    if path.exists():
        training.load(path)
    bar = tqdm(total=plan.steps, initial=training.step, desc="autoencoder")
    while training.step < plan.steps:
        rng = np.random.default_rng((plan.seed, 1, training.step))
        torch.manual_seed(int(rng.integers(2**62)))
        pixels = to_pixels(
            _pieces(pictures, rng, whole=training.step > (1 - WHOLE_SHARE) * plan.steps), plan.device
        )
        with torch.autocast(plan.device.type, torch.bfloat16):
            mean, log_variance = vae.quant_conv(vae.encoder(pixels)).chunk(2, dim=1)
            log_variance = log_variance.float().clamp(-14, 4)
            sample = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
            restored = vae.decode(sample)
        loss = _loss(restored.float(), pixels, mean.float(), log_variance.float())
        training.learn(loss)
        bar.update()
        if training.step % SAVE_EVERY == 0 or training.step == plan.steps:
            bar.write(f"autoencoder {training.step}: loss {loss.item():.4f}")
            training.save(path)
    bar.close()


def _pieces(
    pictures: npt.NDArray[np.uint8], rng: np.random.Generator, *, whole: bool
) -> npt.NDArray[np.uint8]:
    if whole:
        return pictures[np.sort(rng.choice(len(pictures), WHOLE_BATCH, replace=False))]
    room = pictures.shape[1] - PIECE + 1
    corners = zip(rng.integers(len(pictures), size=BATCH), *rng.integers(room, size=(2, BATCH)), strict=True)
    return np.stack([pictures[index, top : top + PIECE, left : left + PIECE] for index, top, left in corners])


def _loss(restored: Tensor, pixels: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Mean absolute error of pixels and of their differences (which keeps edges), and the KL term."""
    loss = F.l1_loss(restored, pixels) + 2 * F.mse_loss(restored, pixels)
    for axis in (2, 3):
        loss = loss + EDGE_WEIGHT * F.l1_loss(restored.diff(dim=axis), pixels.diff(dim=axis))
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
    return loss + KL_WEIGHT * divergence


@torch.no_grad()
def finished_autoencoder(path: Path, pictures: npt.NDArray[np.uint8], device: torch.device) -> KlVae:
    """The averaged network, with latents of mean 0 and deviation 1 / 0.18215, as its family has them."""
    vae = new_autoencoder()
    vae.load_state_dict(read_averages(path, "vae"))
    vae.to(device).eval()
    measured = pictures[:MEASURED]
    latents = torch.cat([vae.encode(to_pixels(part[None], device)) for part in measured])
    deviation, mean = torch.std_mean(latents, dim=(0, 2, 3))
    scale = 1 / (deviation * LATENT_SCALE)
    _rescale(vae, mean, scale)
    return vae


def _rescale(vae: KlVae, mean: Tensor, scale: Tensor) -> None:
    """Latents become (latent - mean) * scale; pictures stay the same."""
    weights, channels = vae.state_dict(), len(mean)
    weight, bias = weights["quant_conv.weight"], weights["quant_conv.bias"]
    weight[:channels] *= scale[:, None, None, None]
    bias[:channels] = (bias[:channels] - mean) * scale
    bias[channels:] += 2 * scale.log()
    weight, bias = weights["post_quant_conv.weight"], weights["post_quant_conv.bias"]
    bias += (weight[:, :, 0, 0] * mean).sum(dim=1)
    weight /= scale[None, :, None, None]
