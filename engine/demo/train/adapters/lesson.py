"""Pictures with captions for something small that is trained on top of the finished model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from tqdm import tqdm

from engine.demo.train.corpus import to_pixels
from engine.demo.train.networks import LATENT_SCALE, Networks
from engine.demo.train.state import Plan, Training

ENCODED_AT_ONCE: Final = 16

# The loss of one batch: pictures by their numbers, and the step's randomness.
LossOf: TypeAlias = Callable[[npt.NDArray[np.int64], np.random.Generator], Tensor]


@dataclass(frozen=True)
class Pace:
    """How fast to learn: pictures a step, the peak learning rate, and how much of an average is kept."""

    batch: int
    rate: float
    average: float = 0.98


@torch.no_grad()
def encode_all(model: Networks, pictures: Sequence[npt.NDArray[np.uint8]], device: torch.device) -> Tensor:
    """Latents of deviation 1, (N, 4, 16, 16), on the device."""
    parts: list[Tensor] = []
    for start in tqdm(range(0, len(pictures), ENCODED_AT_ONCE), "latents"):
        pixels = to_pixels(np.stack(pictures[start : start + ENCODED_AT_ONCE]), device)
        parts.append(model.vae.encode(pixels) * LATENT_SCALE)
    return torch.cat(parts)


def learn(
    adapter: nn.Module, loss_of: LossOf, path: Path, plan: Plan, *, pace: Pace, pictures: int
) -> dict[str, Tensor]:
    """Train `adapter`'s parameters to `steps`, from where the file at `path` is; their averages."""
    training = Training({"adapter": adapter}, {"adapter": pace.rate}, steps=plan.steps, average=pace.average)
    if path.exists():
        training.load(path)
    bar = tqdm(total=plan.steps, initial=training.step, desc=path.stem)
    recent: list[float] = []
    while training.step < plan.steps:
        rng = np.random.default_rng((plan.seed, training.step))
        torch.manual_seed(int(rng.integers(2**62)))
        loss = loss_of(rng.integers(pictures, size=pace.batch), rng)
        training.learn(loss, warm_up=20)
        recent = [*recent[-49:], loss.item()]
        bar.update()
        bar.set_postfix(loss=f"{np.mean(recent):.4f}", refresh=False)
    training.save(path)
    bar.close()
    return dict(training.averages["adapter"])
