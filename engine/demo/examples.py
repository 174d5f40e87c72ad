"""python -m engine.demo.examples FOLDER: run the example graphs on the demo model, each into one picture.

A picture holds the graph that made it, so that it is thumbnail and workflow in one.
"""

import argparse
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from engine.api import (
    DEMO_MODELS,
    Event,
    InputFile,
    InputUnreadable,
    ModelFolders,
    RunnerSettings,
    open_runner,
    parse_prompt,
)
from engine.demo.world import draw, sample_scene

Prompt = Mapping[str, Mapping[str, object]]

MODEL: Final = "demo.safetensors"
SKETCH: Final = "example-sketch.png"
SAMPLING: Final = {"steps": 12, "cfg": 4.0, "sampler_name": "dpmpp_2m", "scheduler": "karras"}


def _node(class_type: str, **inputs: object) -> Mapping[str, object]:
    return {"class_type": class_type, "inputs": inputs}


def _graph(prompt: str, *, seed: int, denoise: float, latent: Mapping[str, Mapping[str, object]]) -> Prompt:
    """Checkpoint, prompts, sampler and picture around the nodes of `latent`, whose "5" gives the latent."""
    return {
        "4": _node("CheckpointLoaderSimple", ckpt_name=MODEL),
        "6": _node("CLIPTextEncode", text=prompt, clip=["4", 1]),
        "7": _node("CLIPTextEncode", text="", clip=["4", 1]),
        **latent,
        "3": _node(
            "KSampler",
            **SAMPLING,
            seed=seed,
            denoise=denoise,
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
        ),
        "8": _node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": _node("SaveImage", images=["8", 0], filename_prefix="Atelier"),
    }


EXAMPLES: Final[Mapping[str, Prompt]] = {
    "textToImage": _graph(
        "a red boat on water",
        seed=1,
        denoise=1.0,
        latent={"5": _node("EmptyLatentImage", width=128, height=128, batch_size=1)},
    ),
    "imageToImage": _graph(
        "a watercolour painting of a purple cat, on a light blue background",
        seed=2,
        denoise=0.75,
        latent={
            "10": _node("LoadImage", image=SKETCH),
            "5": _node("VAEEncode", pixels=["10", 0], vae=["4", 2]),
        },
    ),
}


def sketch() -> bytes:
    """The picture that image to image begins with: a flat drawing of the same thing in another colour."""
    rng = np.random.default_rng(0)
    scene = sample_scene(rng, things=1, setting=("plain", "flat"))
    (thing,) = scene.things
    cat = replace(thing, shape="cat face", colour="orange", x=64, y=66, radius=42, tilt=0.0)
    file = io.BytesIO()
    Image.fromarray(draw(replace(scene, things=(cat,)))).save(file, "PNG")
    return file.getvalue()


def find_input(name: str) -> InputFile:
    """The sketch. Raises InputUnreadable."""
    if name != SKETCH:
        raise InputUnreadable(f"there is no input {name!r}")
    return InputFile(name, sketch)


def main() -> None:
    """Write the pictures of all examples, and what they begin with."""
    parser = argparse.ArgumentParser(prog="python -m engine.demo.examples", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SKETCH).write_bytes(sketch())
    runner = open_runner(RunnerSettings(ModelFolders((DEMO_MODELS,)), device="cpu", dtype="fp32"))
    for name, prompt in EXAMPLES.items():
        result = runner.run(
            parse_prompt(prompt),
            scope="examples",
            workflow=None,
            is_cancelled=lambda: False,
            find_input=find_input,
            on_event=_ignore,
        )
        (output,) = result.outputs
        (folder / f"{name}.png").write_bytes(output.file.content)


def _ignore(event: Event) -> None:
    pass


if __name__ == "__main__":
    main()
