"""The demo model draws what prompts say: measured in pixels, through whole graphs."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from engine.api import DEMO_MODELS, InputFile, ModelFolders, RunnerSettings, parse_prompt
from engine.demo.examples import EXAMPLES, MODEL, SAMPLING, SKETCH, sketch
from engine.demo.world.scene import COLOURS
from engine.nodes import NODES
from engine.runner import Runner
from tests.engine.prompts import Prompt, call

Pixels = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Painter:
    """Runs graphs on the demo model."""

    runner: Runner

    def run(self, prompt: object) -> Pixels:
        """The first picture that comes out, (H, W, 3) in [0, 1]."""
        result = self.runner.run(
            parse_prompt(prompt),
            scope="tests",
            workflow=None,
            is_cancelled=lambda: False,
            find_input=lambda name: InputFile(name, sketch),
            on_event=lambda event: None,
        )
        content = result.outputs[0].file.content
        return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) / 255

    def paint(self, text: str, seed: int = 1) -> Pixels:
        return self.run(text_to_image(text, seed))


def text_to_image(text: str, seed: int = 1) -> Prompt:
    return {
        "1": call("CheckpointLoaderSimple", ckpt_name=MODEL),
        "2": call("CLIPTextEncode", text=text, clip=["1", 1]),
        "3": call("CLIPTextEncode", text="", clip=["1", 1]),
        "4": call("EmptyLatentImage", width=128, height=128, batch_size=1),
        "5": sampler(["4", 0], seed=seed, denoise=1.0),
        "6": call("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "7": call("SaveImage", images=["6", 0], filename_prefix="made"),
    }


def image_to_image(text: str, denoise: float) -> Prompt:
    graph = text_to_image(text)
    return graph | {
        "4": call("VAEEncode", pixels=["8", 0], vae=["1", 2]),
        "5": sampler(["4", 0], seed=1, denoise=denoise),
        "8": call("LoadImage", image=SKETCH),
    }


def sampler(latent: list[Any], *, seed: int, denoise: float) -> dict[str, Any]:
    links = {"model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": latent}
    return call("KSampler", **SAMPLING, **links, seed=seed, denoise=denoise)


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter(Runner(RunnerSettings(ModelFolders((DEMO_MODELS,)), "cpu", "fp32"), NODES))


def share_of(picture: Pixels, colour: str) -> float:
    """How much of the picture is nearer to this than to any other colour, and near."""
    names = list(COLOURS)
    distances = np.stack([np.linalg.norm(picture - COLOURS[name], axis=2) for name in names])
    return float(((distances.argmin(axis=0) == names.index(colour)) & (distances.min(axis=0) < 0.35)).mean())


@pytest.mark.parametrize("colour", ["red", "blue", "green", "purple"])
def test_a_prompt_brings_its_colour(painter: Painter, colour: str) -> None:
    picture = painter.paint(f"a large {colour} circle on a white background")
    assert share_of(picture, colour) > 0.12
    others = [name for name in ("red", "blue", "green", "purple") if name != colour]
    assert max(share_of(picture, name) for name in others) < 0.03


def test_a_prompt_brings_its_shape(painter: Painter) -> None:
    """A ring has a hole where a circle is full."""
    circle = painter.paint("a large blue circle on a white background")
    ring = painter.paint("a large blue ring on a white background")
    for picture, full in ((circle, True), (ring, False)):
        rows, columns = (np.linalg.norm(picture - COLOURS["blue"], axis=2) < 0.35).nonzero()
        middle = picture[
            int(rows.mean()) - 3 : int(rows.mean()) + 4, int(columns.mean()) - 3 : int(columns.mean()) + 4
        ]
        assert (share_of(middle, "blue") > 0.9) == full


def test_a_weight_above_one_moves_the_colour_further_than_one_below(painter: Painter) -> None:
    strong, weak = (
        painter.paint(f"a large (red:{weight}) circle on a white background") for weight in (1.5, 0.5)
    )
    redness = [
        float((picture[..., 0] - picture[..., 1:].mean(axis=2)).clip(0).mean()) for picture in (strong, weak)
    ]
    assert redness[0] > redness[1] * 1.05


def test_image_to_image_keeps_the_layout_at_low_denoise_and_leaves_it_at_full(painter: Painter) -> None:
    before = np.asarray(Image.open(io.BytesIO(sketch())).convert("RGB")) / 255
    text = "a watercolour painting of a purple cat"
    little, much = (painter.run(image_to_image(text, denoise)) for denoise in (0.3, 1.0))
    distances = [float(np.abs(picture - before).mean()) for picture in (little, much)]
    assert distances[0] < 0.1
    assert distances[0] < distances[1] / 2


def test_a_seed_gives_one_picture_and_another_seed_another(painter: Painter) -> None:
    text = "a yellow star at night"
    first = painter.paint(text, seed=5)
    again = Painter(Runner(RunnerSettings(ModelFolders((DEMO_MODELS,)), "cpu", "fp32"), NODES)).paint(
        text, seed=5
    )
    assert (first == again).all()
    assert np.abs(first - painter.paint(text, seed=6)).mean() > 0.02


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(painter: Painter, name: str) -> None:
    picture = painter.run(EXAMPLES[name])
    assert picture.shape == (128, 128, 3)
    assert picture.std() > 0.1
