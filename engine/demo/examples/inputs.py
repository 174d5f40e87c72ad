"""The pictures that examples begin with, drawn by the world that the demo model knows."""

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.api import InputFile, InputUnreadable
from engine.demo.world import draw, sample_scene

SKETCH: Final = "example-sketch.png"
HOUSE: Final = "example-house.png"
HOLE: Final = "example-hole.png"
# What HOLE leaves to the model, as left, top, right, bottom.
HOLE_BOX: Final = (0, 0, 128, 59)


def sketch() -> bytes:
    """A flat drawing of an orange cat."""
    return _png(Image.fromarray(_one_thing("cat face", "orange", 42)))


def house() -> bytes:
    """A flat drawing of a white house, for its edges."""
    return _png(Image.fromarray(_one_thing("house", "white", 40)))


def hole() -> bytes:
    """A boat on water under an empty sky, transparent where something is to be painted."""
    rng = np.random.default_rng(1)
    scene = sample_scene(rng, things=1, setting=("water", "flat"))
    boat = replace(scene.things[0], shape="boat", colour="red", x=64, y=92, radius=26, tilt=0.0)
    picture = Image.fromarray(draw(replace(scene, things=(boat,)))).convert("RGBA")
    alpha = Image.new("L", picture.size, 255)
    alpha.paste(0, HOLE_BOX)
    picture.putalpha(alpha)
    return _png(picture)


INPUTS: Final[Mapping[str, Callable[[], bytes]]] = {SKETCH: sketch, HOUSE: house, HOLE: hole}


def find_input(name: str) -> InputFile:
    """One of INPUTS. Raises InputUnreadable."""
    try:
        return InputFile(name, INPUTS[name])
    except KeyError:
        raise InputUnreadable(f"there is no input {name!r}") from None


def _one_thing(shape: str, colour: str, radius: float) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    scene = sample_scene(rng, things=1, setting=("plain", "flat"))
    thing = replace(scene.things[0], shape=shape, colour=colour, x=64, y=66, radius=radius, tilt=0.0)
    return draw(replace(scene, things=(thing,)))


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
