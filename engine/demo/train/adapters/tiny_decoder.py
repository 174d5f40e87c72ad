"""A tiny decoder in TAESD's layout: shows what a sampler expects, many times faster than the autoencoder."""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from engine.demo.train.adapters.lesson import Pace, encode_all, learn
from engine.demo.train.corpus import to_pixels
from engine.demo.train.networks import VAE, Networks
from engine.demo.train.state import Plan
from engine.demo.world import draw, sample_scene
from engine.models.taesd import build_decoder

PICTURES: Final = 2000
PACE: Final = Pace(batch=16, rate=1e-3)
WIDTH: Final = 32


def train_tiny_decoder(model: Networks, folder: Path, plan: Plan) -> Path:
    """Train to `steps`; the file."""
    rng = np.random.default_rng((plan.seed, 7))
    pictures = np.stack([draw(sample_scene(rng)) for _ in tqdm(range(PICTURES), "pictures")])
    latents = encode_all(model, list(pictures), plan.device)
    torch.manual_seed(plan.seed)
    decoder = build_decoder(WIDTH, VAE.latent_channels).to(plan.device)

    def loss_of(batch: npt.NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        truth = to_pixels(pictures[batch], plan.device) * 0.5 + 0.5
        made = decoder(latents[batch].contiguous(memory_format=torch.channels_last))
        # Means over 8 x 8 pixels once more, so that plain areas get their colour right.
        return F.l1_loss(made, truth) + F.mse_loss(F.avg_pool2d(made, 8), F.avg_pool2d(truth, 8))

    averages = learn(
        decoder, loss_of, folder / "tiny-decoder.safetensors", plan, pace=PACE, pictures=PICTURES
    )
    path = folder / "demo_taesd_decoder.safetensors"
    save_file({name: tensor.half().contiguous() for name, tensor in averages.items()}, path)
    return path
