"""The pictures that the demo model learns from: drawn once, captioned anew each time they are shown."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from engine.demo.world import Scene, caption, draw, sample_scene
from engine.demo.world.scene import SIDE
from engine.text.chunks import CHUNK_LENGTH
from engine.text.clip_tokenizer import ClipTokenizer, load_clip_tokenizer
from engine.text.encode import CLIP_L_MARKS

EMPTY_SHARE: Final = 0.1


@dataclass(frozen=True)
class Corpus:
    """`count` scenes; scene i follows from (seed, i) alone."""

    seed: int
    count: int

    def scene(self, index: int) -> Scene:
        return sample_scene(np.random.default_rng((self.seed, index)))

    def caption(self, index: int, showing: int) -> str:
        """The words for scene `index` at its `showing`-th use."""
        return caption(self.scene(index), np.random.default_rng((self.seed, index, 1 + showing)))


def drawn_pictures(corpus: Corpus, folder: Path) -> npt.NDArray[np.uint8]:
    """All pictures, (count, 128, 128, 3), mapped from a file in `folder` that is drawn if it is not there."""
    path = folder / f"pictures-{corpus.seed}-{corpus.count}.npy"
    if not path.exists():
        unfinished = path.with_suffix(".partial")
        shape = (corpus.count, SIDE, SIDE, 3)
        pictures = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=shape)
        with ProcessPoolExecutor() as pool:
            drawn = pool.map(partial(_draw_one, corpus), range(corpus.count), chunksize=64)
            for index, picture in enumerate(tqdm(drawn, "pictures", corpus.count)):
                pictures[index] = picture
        pictures.flush()
        unfinished.replace(path)
    return np.load(path, mmap_mode="r")


def _draw_one(corpus: Corpus, index: int) -> npt.NDArray[np.uint8]:
    return draw(corpus.scene(index))


def to_pixels(pictures: npt.NDArray[np.uint8], device: torch.device) -> Tensor:
    """(B, H, W, 3) of 8 bit -> (B, 3, H, W) in [-1, 1]."""
    pixels = torch.from_numpy(np.array(pictures)).to(device).permute(0, 3, 1, 2)
    return pixels.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)


class Tokens:
    """Captions to token ids, one chunk each."""

    def __init__(self) -> None:
        self.tokenizer: ClipTokenizer = load_clip_tokenizer()

    def __call__(self, captions: list[str]) -> Tensor:
        """(B, 77), int64; what does not fit is cut off."""
        rows = torch.full((len(captions), CHUNK_LENGTH), CLIP_L_MARKS.end)
        rows[:, 0] = CLIP_L_MARKS.begin
        for row, text in zip(rows, captions, strict=True):
            ids = self.tokenizer.encode(text)[: CHUNK_LENGTH - 2]
            row[1 : 1 + len(ids)] = torch.tensor(ids, dtype=torch.int64)
        return rows
