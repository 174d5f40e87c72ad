"""What the demo model is asked: captions of scenes that it was not trained on."""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.demo.world import Scene, caption, sample_scene
from engine.demo.world.captions import BACKGROUND_WORDS
from engine.demo.world.scene import BACKGROUNDS, STYLES

SINGLE: Final = 200
RELATION: Final = 200
SETTING: Final = 100


@dataclass(frozen=True)
class Question:
    """A caption and the scene that it tells of; `kind` is "single", "relation" or "setting"."""

    kind: str
    caption: str
    scene: Scene


def ask(seed: int, seen: Set[str] = frozenset()) -> list[Question]:
    """500 questions, none in `seen`; things in all pairs of colour and shape, held-out ones too."""
    wanted = {"single": SINGLE, "relation": RELATION, "setting": SETTING}
    questions: list[Question] = []
    for kind, count in wanted.items():
        fresh = (question for question in _endless(kind, seed) if question.caption not in seen)
        questions += [next(fresh) for _ in range(count)]
    return questions


def _endless(kind: str, seed: int) -> Iterator[Question]:
    rng = np.random.default_rng((seed, len(kind)))
    while True:
        setting = ("plain", "flat")
        if kind == "setting":
            setting = str(rng.choice(BACKGROUNDS)), str(rng.choice(STYLES))
        scene = sample_scene(
            rng,
            things=2 if kind == "relation" else 1,
            allowed=lambda colour, shape: True,
            related=kind == "relation",
            setting=setting,
        )
        text = caption(scene, rng)
        if kind != "setting" or _names_background(text, scene):
            yield Question(kind, text, scene)


def _names_background(text: str, scene: Scene) -> bool:
    told = scene.shade_name is not None and f"{scene.shade_name} background" in text
    return told or any(words in text for words in BACKGROUND_WORDS[scene.background])
