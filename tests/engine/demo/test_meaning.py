"""The demo model draws what prompts say: measured in pixels, through whole graphs."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy import ndimage  # pyright: ignore[reportMissingTypeStubs]

from engine.api import DEMO_MODELS, Event, ModelFolders, Preview, RunnerSettings, parse_prompt
from engine.demo.examples import (
    BLUEPRINT,
    EDGES,
    EXAMPLES,
    HOLE_BOX,
    HOUSE,
    MODEL,
    SAMPLING,
    SKETCH,
    find_input,
    hole,
    sketch,
)
from engine.demo.world.scene import COLOURS
from engine.nodes import NODES
from engine.runner import Runner
from tests.engine.prompts import Prompt, call

Pixels = npt.NDArray[np.float64]
THUMBNAILS = Path(__file__).parents[3] / "frontend/public/examples"


@dataclass(frozen=True)
class Painter:
    """Runs graphs on the demo model."""

    runner: Runner

    def run(self, prompt: object, on_event: Callable[[Event], None] = lambda event: None) -> Pixels:
        """The first picture that comes out, (H, W, 3) in [0, 1]."""
        result = self.runner.run(
            parse_prompt(prompt),
            scope="tests",
            workflow=None,
            is_cancelled=lambda: False,
            find_input=find_input,
            on_event=on_event,
        )
        return pixels_of(result.outputs[0].file.content)

    def paint(self, text: str, seed: int = 1) -> Pixels:
        return self.run(text_to_image(text, seed))


def pixels_of(file: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) / 255


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


def side_by_side(left: str, right: str) -> Prompt:
    size = {"width": 128, "height": 128, "y": 0, "strength": 1.0}
    return text_to_image(left) | {
        "4": call("EmptyLatentImage", width=256, height=128, batch_size=1),
        "5": sampler(["4", 0], seed=1, denoise=1.0, positive=["13", 0]),
        "10": call("CLIPTextEncode", text=right, clip=["1", 1]),
        "11": call("ConditioningSetArea", conditioning=["2", 0], x=0, **size),
        "12": call("ConditioningSetArea", conditioning=["10", 0], x=128, **size),
        "13": call("ConditioningCombine", conditioning_1=["11", 0], conditioning_2=["12", 0]),
    }


def one_after_the_other(first: str, then: str, at: float) -> Prompt:
    return text_to_image(first) | {
        "5": sampler(["4", 0], seed=1, denoise=1.0, positive=["13", 0]),
        "10": call("CLIPTextEncode", text=then, clip=["1", 1]),
        "11": call("ConditioningSetTimestepRange", conditioning=["2", 0], start=0.0, end=at),
        "12": call("ConditioningSetTimestepRange", conditioning=["10", 0], start=at, end=1.0),
        "13": call("ConditioningCombine", conditioning_1=["11", 0], conditioning_2=["12", 0]),
    }


def with_lora(text: str, strength: float | None) -> Prompt:
    graph = text_to_image(text)
    if strength is None:
        return graph
    strengths = {"strength_model": strength, "strength_clip": strength}
    return graph | {
        "2": call("CLIPTextEncode", text=text, clip=["10", 1]),
        "5": sampler(["4", 0], seed=1, denoise=1.0, model=["10", 0]),
        "10": call("LoraLoader", model=["1", 0], clip=["1", 1], lora_name=BLUEPRINT, **strengths),
    }


def edges_of() -> Prompt:
    return {
        "10": call("LoadImage", image=HOUSE),
        "11": call("Canny", image=["10", 0], low_threshold=0.1, high_threshold=0.3),
        "12": call("SaveImage", images=["11", 0], filename_prefix="edges"),
    }


def led_by_edges(text: str, strength: float) -> Prompt:
    ends = {"positive": ["2", 0], "negative": ["3", 0], "control_net": ["12", 0], "image": ["11", 0]}
    graph = text_to_image(text) | edges_of()
    return graph | {
        "5": sampler(["4", 0], seed=1, denoise=1.0, positive=["13", 0], negative=["13", 1]),
        "12": call("ControlNetLoader", control_net_name=EDGES),
        "13": call("ControlNetApplyAdvanced", **ends, strength=strength, start_percent=0.0, end_percent=1.0),
    }


def followed(edges: Pixels, picture: Pixels) -> float:
    """The share of the edges that a steep slope of the picture lies at, within two pixels."""
    down, across = np.gradient(picture.mean(axis=2))
    steep = np.hypot(down, across) > 0.08
    near = ndimage.binary_dilation(steep, np.ones((5, 5), bool))
    return float(near[edges[..., 0] > 0.5].mean())


def sampler(latent: list[Any], *, seed: int, denoise: float, **other: list[Any]) -> dict[str, Any]:
    links = {"model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": latent} | other
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
    before = pixels_of(sketch())
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


def test_areas_put_each_thing_in_its_place(painter: Painter) -> None:
    texts = ("a large red circle on a white background", "a large blue circle on a white background")
    for left, right in (texts, texts[::-1]):
        picture = painter.run(side_by_side(left, right))
        halves = [
            {name: share_of(half, name) for name in ("red", "blue")} for half in np.split(picture, 2, axis=1)
        ]
        here, there = ("red", "blue") if left == texts[0] else ("blue", "red")
        assert halves[0][here] > 0.1 > 0.02 > halves[0][there]
        assert halves[1][there] > 0.1 > 0.02 > halves[1][here]


def test_timestep_ranges_let_one_text_follow_another(painter: Painter) -> None:
    red, blue = (f"a large {colour} circle on a white background" for colour in ("red", "blue"))
    mostly_first, mostly_second = (painter.run(one_after_the_other(red, blue, at=at)) for at in (0.95, 0.2))
    assert share_of(mostly_first, "red") > 0.2 > 0.02 > share_of(mostly_first, "blue")
    assert share_of(mostly_second, "blue") > 0.2 > 0.02 > share_of(mostly_second, "red")


def test_the_text_of_the_first_steps_decides_how_light_a_picture_is(painter: Painter) -> None:
    white, night = "a large red circle on a white background", "a large red circle at night"
    assert painter.run(one_after_the_other(white, night, at=0.4)).mean() > 0.6
    assert painter.run(one_after_the_other(night, white, at=0.4)).mean() < 0.4


def test_inpainting_fills_the_hole_and_leaves_the_rest(painter: Painter) -> None:
    before = pixels_of(hole())
    after = painter.run(EXAMPLES["inpainting"])
    left, top, right, bottom = HOLE_BOX
    outside = np.ones(before.shape[:2], bool)
    outside[top:bottom, left:right] = False
    assert np.abs(after - before)[outside].max() <= 2 / 255
    assert share_of(before[top:bottom, left:right], "yellow") == 0
    assert share_of(after[top:bottom, left:right], "yellow") > 0.04


def test_a_lora_changes_the_style_and_at_strength_zero_nothing(painter: Painter) -> None:
    text = "a large red circle on a white background"
    plain, none, full = (painter.run(with_lora(text, strength)) for strength in (None, 0.0, 1.0))
    assert (plain == none).all()
    assert plain.mean() > 0.7
    # A blueprint is dark blue.
    assert full[..., 2].mean() > full[..., 0].mean() + 0.15
    assert full.mean() < 0.5


def test_an_embedding_calls_its_concept(painter: Painter) -> None:
    """The mooncat is a purple cat on a yellow moon; no word of the prompt says so."""
    for seed in (1, 2):
        picture = painter.paint("embedding:demo-mooncat", seed)
        purple, yellow = (
            (np.linalg.norm(picture - COLOURS[name], axis=2) < 0.35).nonzero()[0]
            for name in ("purple", "yellow")
        )
        assert min(len(purple), len(yellow)) > 0.02 * 128 * 128
        assert np.median(purple) < np.median(yellow)
        assert share_of(painter.paint("", seed), "purple") < 0.02


def test_a_control_network_makes_edges_be_followed(painter: Painter) -> None:
    text = "a red house on grass"
    drawn, controlled, free = (
        painter.run(graph) for graph in (edges_of(), led_by_edges(text, 1.0), led_by_edges(text, 0.0))
    )
    assert followed(drawn, controlled) > 0.7
    assert followed(drawn, free) < 0.5


def test_previews_show_what_becomes_of_the_picture(painter: Painter) -> None:
    """The tiny decoder's, at the picture's size; the last of them is nearly the result."""
    events: list[Event] = []
    picture = painter.run(
        text_to_image("a large green heart on a light pink background", seed=4), events.append
    )
    previews = [pixels_of(event.jpeg) for event in events if isinstance(event, Preview)]
    distances = [float(np.abs(preview - picture).mean()) for preview in previews]
    assert {preview.shape for preview in previews} == {picture.shape}
    assert distances[-1] < 0.06
    assert distances[-1] < distances[0] / 2


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_make_the_pictures_that_stand_for_them(painter: Painter, name: str) -> None:
    picture = painter.run(EXAMPLES[name])
    assert picture.std() > 0.1
    # The page shows what the example makes, but for the last bits of other processors.
    shown = pixels_of((THUMBNAILS / f"{name}.png").read_bytes())
    assert np.abs(shown - picture).mean() < 0.02
