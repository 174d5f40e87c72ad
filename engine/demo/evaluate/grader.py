"""A small detector that is trained on the world: which things a picture shows, and where."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor, nn
from tqdm import tqdm

from engine.demo.train.corpus import to_pixels
from engine.demo.train.state import Training, read_averages
from engine.demo.world import Scene, draw, sample_scene
from engine.demo.world.scene import BACKGROUNDS, COLOURS, SHAPES, SIDE, STYLES

CELL: Final = 8
CELLS: Final = SIDE // CELL
BATCH: Final = 32
RATE: Final = 2e-3
SAVE_EVERY: Final = 250
# A cell whose chance of being a centre is the highest around it, and above this, is a thing.
FOUND: Final = 0.3
# A seed that no training or question uses.
SEED: Final = 77


@dataclass(frozen=True)
class Sight:
    """One thing as the grader sees it; `x`, `y` in pixels."""

    shape: str
    colour: str
    x: float
    y: float


@dataclass(frozen=True)
class View:
    """What the grader sees in one picture."""

    sights: tuple[Sight, ...]
    background: str
    style: str


class Block(nn.Module):
    """Two convolutions and a skip; `dilation` widens what a cell sees."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.GroupNorm(8, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.silu(self.first(F.silu(self.norm(x)))))


class Grader(nn.Module):
    """Pixels to, for each cell, centre, shape and colour; for the picture, background and style."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 24, 5, stride=2, padding=2),
            nn.SiLU(),
            nn.Conv2d(24, 48, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(48, 96, 3, stride=2, padding=1),
        )
        self.body = nn.Sequential(Block(96, 1), Block(96, 2), Block(96, 3), Block(96, 1), nn.GroupNorm(8, 96))
        self.cells = nn.Conv2d(96, 1 + len(SHAPES) + len(COLOURS), 1)
        self.whole = nn.Linear(2 * 96, len(BACKGROUNDS) + len(STYLES))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 128, 128) in [-1, 1] -> (B, 1 + shapes + colours, 16, 16), (B, backgrounds + styles)."""
        x = F.silu(self.body(self.stem(pixels)))
        pooled = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)
        return self.cells(x), self.whole(pooled)


def train_grader(path: Path, *, steps: int, device: torch.device) -> None:
    """Train to `steps`, from where the file at `path` is, and leave it there; all pairs are shown."""
    torch.manual_seed(SEED)
    grader = Grader().to(device)
    training = Training({"grader": grader}, {"grader": RATE}, steps=steps, average=0.99)
    if path.exists():
        training.load(path)
    bar = tqdm(total=steps, initial=training.step, desc="grader")
    while training.step < steps:
        rng = np.random.default_rng((SEED, training.step))
        torch.manual_seed(int(rng.integers(2**62)))
        scenes = [sample_scene(rng, allowed=_any_pair) for _ in range(BATCH)]
        pixels = _spoil(to_pixels(np.stack([draw(scene) for scene in scenes]), device), rng)
        cells, whole = grader(pixels)
        loss = _loss(cells, whole, scenes)
        training.learn(loss)
        bar.update()
        if training.step % SAVE_EVERY == 0 or training.step == steps:
            bar.write(f"grader {training.step}: loss {loss.item():.4f}")
            training.save(path)
    bar.close()


def load_grader(path: Path, device: torch.device) -> Grader:
    """The averaged network of a file that `train_grader` left."""
    grader = Grader()
    grader.load_state_dict(read_averages(path, "grader"))
    return grader.to(device).eval()


@torch.no_grad()
def look(grader: Grader, pictures: npt.NDArray[np.uint8], device: torch.device) -> list[View]:
    """What the grader sees in each of (N, 128, 128, 3)."""
    views: list[View] = []
    for start in range(0, len(pictures), BATCH):
        cells, whole = grader(to_pixels(pictures[start : start + BATCH], device))
        views += [_view(*answer) for answer in zip(cells.cpu(), whole.cpu(), strict=True)]
    return views


def _any_pair(colour: str, shape: str) -> bool:
    return True


def _spoil(pixels: Tensor, rng: np.random.Generator) -> Tensor:
    """Blur and grain as a generated picture may have, on some batches."""
    if rng.random() < 0.4:
        share = float(rng.uniform(0.2, 1))
        pixels = torch.lerp(
            pixels, F.avg_pool2d(pixels, 3, stride=1, padding=1, count_include_pad=False), share
        )
    if rng.random() < 0.4:
        pixels = pixels + float(rng.uniform(0, 0.12)) * torch.randn_like(pixels)
    return pixels


def _loss(cells: Tensor, whole: Tensor, scenes: list[Scene]) -> Tensor:
    """Centres over all cells; shape and colour where things are; background and style."""
    device = cells.device
    centre = torch.zeros(len(scenes), CELLS, CELLS, device=device)
    places: list[tuple[int, int, int]] = []
    shapes: list[int] = []
    colours: list[int] = []
    for number, scene in enumerate(scenes):
        for thing in scene.things:
            row, column = int(thing.y // CELL), int(thing.x // CELL)
            centre[number, row, column] = 1
            places.append((number, row, column))
            shapes.append(SHAPES.index(thing.shape))
            colours.append(list(COLOURS).index(thing.colour))
    at = torch.tensor(places, device=device).unbind(dim=1)
    told = cells.permute(0, 2, 3, 1)[at[0], at[1], at[2]]
    settings = [[BACKGROUNDS.index(scene.background), STYLES.index(scene.style)] for scene in scenes]
    truth = torch.tensor(settings, device=device)
    heat = F.binary_cross_entropy_with_logits(
        cells[:, 0], centre, pos_weight=torch.tensor(4.0, device=device)
    )
    return (
        20 * heat
        + F.cross_entropy(told[:, 1 : 1 + len(SHAPES)], torch.tensor(shapes, device=device))
        + F.cross_entropy(told[:, 1 + len(SHAPES) :], torch.tensor(colours, device=device))
        + F.cross_entropy(whole[:, : len(BACKGROUNDS)], truth[:, 0])
        + F.cross_entropy(whole[:, len(BACKGROUNDS) :], truth[:, 1])
    )


def _view(cells: Tensor, whole: Tensor) -> View:
    chance = cells[0].sigmoid()
    # Two cells around: the centres of two things are never that close.
    peaks = chance == F.max_pool2d(chance[None], 5, stride=1, padding=2)[0]
    sights: list[Sight] = []
    for row, column in (peaks & (chance > FOUND)).nonzero().tolist():
        answer = cells[1:, row, column]
        shape = SHAPES[int(answer[: len(SHAPES)].argmax())]
        colour = list(COLOURS)[int(answer[len(SHAPES) :].argmax())]
        sights.append(Sight(shape, colour, (column + 0.5) * CELL, (row + 0.5) * CELL))
    background = BACKGROUNDS[int(whole[: len(BACKGROUNDS)].argmax())]
    return View(tuple(sights), background, STYLES[int(whole[len(BACKGROUNDS) :].argmax())])
