"""The text encoder's first lesson: to name what a caption says before any picture is drawn from it."""

from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor, nn
from tqdm import tqdm

from engine.demo.train.corpus import Tokens
from engine.demo.train.networks import TEXT, new_text_encoder
from engine.demo.train.state import Plan, Training
from engine.demo.world import Scene, caption, sample_scene
from engine.demo.world.scene import BACKGROUNDS, COLOURS, PLAINS, RELATIONS, SHAPES, SIZES, STYLES
from engine.text.encode import CLIP_L_MARKS

BATCH: Final = 96
RATE: Final = 1.5e-3
SLOTS: Final = 3
SAVE_EVERY: Final = 200
# What each answer chooses from; the last choice of a slot's is "no such thing".
CHOICES: Final = (
    *(choice for _ in range(SLOTS) for choice in (len(SHAPES) + 1, len(COLOURS) + 1, len(SIZES) + 1)),
    len(RELATIONS),
    len(BACKGROUNDS),
    len(PLAINS) + 1,
    len(STYLES),
)


class Answers(nn.Module):
    """Linear readings of one token's hidden state: what the scene holds."""

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Linear(TEXT.width, sum(CHOICES))

    def forward(self, hidden: Tensor, truth: Tensor) -> Tensor:
        """Mean cross-entropy of (B, width) against (B, answers)."""
        answers = self.read(hidden).split(list(CHOICES), dim=1)
        losses = [F.cross_entropy(answer, truth[:, number]) for number, answer in enumerate(answers)]
        return torch.stack(losses).mean()


def scene_truth(scene: Scene) -> list[int]:
    """The right choice of each answer, in the order of `CHOICES`."""
    truth: list[int] = []
    for slot in range(SLOTS):
        if slot < len(scene.things):
            thing = scene.things[slot]
            truth += [SHAPES.index(thing.shape), list(COLOURS).index(thing.colour), SIZES.index(thing.size)]
        else:
            truth += [len(SHAPES), len(COLOURS), len(SIZES)]
    shade = len(PLAINS) if scene.shade_name is None else list(PLAINS).index(scene.shade_name)
    return [
        *truth,
        RELATIONS.index(scene.relation),
        BACKGROUNDS.index(scene.background),
        shade,
        STYLES.index(scene.style),
    ]


def train_text(path: Path, plan: Plan) -> None:
    """Train to `steps`, from where the file at `path` is, and leave it there.

    The end mark and the last padding both answer: padding is most of what the U-Net attends to.
    """
    torch.manual_seed(plan.seed)
    encoder, end, pad = (
        new_text_encoder().to(plan.device),
        Answers().to(plan.device),
        Answers().to(plan.device),
    )
    networks = {"text": encoder, "end": end, "pad": pad}
    training = Training(networks, dict.fromkeys(networks, RATE), steps=plan.steps, average=0.99)
    if path.exists():
        training.load(path)
    tokens = Tokens()
    bar = tqdm(total=plan.steps, initial=training.step, desc="text encoder")
    while training.step < plan.steps:
        rng = np.random.default_rng((plan.seed, 2, training.step))
        scenes = [sample_scene(rng) for _ in range(BATCH)]
        ids = tokens([caption(scene, rng) for scene in scenes]).to(plan.device)
        truth = torch.tensor([scene_truth(scene) for scene in scenes], device=plan.device)
        hidden = encoder(encoder.embed(ids))
        ends = (ids == CLIP_L_MARKS.end).int().argmax(dim=1)
        loss = end(hidden[torch.arange(BATCH), ends], truth) + pad(hidden[:, -1], truth)
        training.learn(loss)
        bar.update()
        if training.step % SAVE_EVERY == 0 or training.step == plan.steps:
            bar.write(f"text encoder {training.step}: loss {loss.item():.4f}")
            training.save(path)
    bar.close()
