"""A textual inversion (Gal et al. 2022, arXiv 2208.01618): vectors that stand for one thing in prompts.

The thing is the mooncat: a purple cat on a yellow moon at night.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.demo.train.adapters.lesson import Pace, encode_all, learn
from engine.demo.train.corpus import Tokens
from engine.demo.train.denoiser import computing_on, denoising_loss
from engine.demo.train.networks import Networks
from engine.demo.train.state import Plan
from engine.demo.world import Scene, draw, sample_scene

VECTORS: Final = 4
PICTURES: Final = 160
PACE: Final = Pace(batch=24, rate=1e-2)
# The word whose vector each of ours begins as, and which holds their places in captions.
FIRST_WORD: Final = "cat"
WORDINGS: Final = ("{}", "{}", "a picture of {}", "a drawing of {}")


def mooncat(rng: np.random.Generator) -> Scene:
    """A scene of the thing; place and size vary as in any scene."""
    while True:
        scene = sample_scene(rng, things=2, related=True, setting=("night", "flat"))
        if scene.relation == "on":
            cat, moon = scene.things
            things = (
                replace(cat, shape="cat face", colour="purple"),
                replace(moon, shape="moon", colour="yellow"),
            )
            return replace(scene, things=things)


class Vectors(nn.Module):
    """(VECTORS, width), as a prompt takes them."""

    def __init__(self, first: Tensor) -> None:
        super().__init__()
        self.emb_params = nn.Parameter(first.repeat(VECTORS, 1))


def train_embedding(model: Networks, folder: Path, plan: Plan) -> Path:
    """Train to `steps`; the file, with the vectors as "emb_params"."""
    rng = np.random.default_rng((plan.seed, 4))
    latents = encode_all(model, [draw(mooncat(rng)) for _ in range(PICTURES)], plan.device)
    tokens = Tokens()
    (place,) = tokens.tokenizer.encode(FIRST_WORD)
    vectors = Vectors(model.text.embed(torch.tensor([place], device=plan.device))).to(plan.device)

    def loss_of(batch: npt.NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        words = " ".join([FIRST_WORD] * VECTORS)
        ids = tokens([str(rng.choice(WORDINGS)).format(words) for _ in batch]).to(plan.device)
        embedded = model.text.embed(ids)
        embedded[ids == place] = vectors.emb_params.repeat(len(batch), 1)
        with computing_on(plan.device):
            context = model.text(embedded)
        return denoising_loss(model.unet, latents[batch], context)

    averages = learn(vectors, loss_of, folder / "embedding.safetensors", plan, pace=PACE, pictures=PICTURES)
    path = folder / "demo-mooncat.safetensors"
    save_file({"emb_params": averages["emb_params"].half()}, path)
    return path
