"""What a picture of the world shows: things with shape, colour, size and place; background; style."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.random import Generator

SIDE: Final = 128

Rgb: TypeAlias = tuple[float, float, float]

COLOURS: Final[dict[str, Rgb]] = {
    "red": (0.86, 0.14, 0.16),
    "orange": (0.97, 0.53, 0.10),
    "yellow": (0.98, 0.84, 0.15),
    "green": (0.18, 0.62, 0.25),
    "blue": (0.14, 0.36, 0.86),
    "purple": (0.52, 0.20, 0.72),
    "pink": (0.98, 0.52, 0.72),
    "brown": (0.48, 0.29, 0.14),
    "black": (0.09, 0.09, 0.11),
    "white": (0.98, 0.98, 0.97),
}
SHAPES: Final = (
    "circle",
    "square",
    "triangle",
    "star",
    "ring",
    "heart",
    "house",
    "tree",
    "sun",
    "moon",
    "fish",
    "cat face",
    "mug",
    "boat",
    "flower",
)
SIZES: Final = ("small", "medium", "large")
RELATIONS: Final = ("none", "left", "right", "above", "below", "on", "row")
STYLES: Final = ("flat", "outline", "pencil", "pixel", "watercolour")
BACKGROUNDS: Final = ("plain", "gradient", "night", "grass", "water", "checkerboard")

# Pale enough that things stand out; a thing is never put on a colour that is close to its own.
PLAINS: Final[dict[str, Rgb]] = {
    "white": (1.0, 1.0, 1.0),
    "grey": (0.78, 0.79, 0.81),
    "beige": (0.95, 0.89, 0.78),
    "light blue": (0.76, 0.88, 0.97),
    "light green": (0.80, 0.93, 0.80),
    "light pink": (0.99, 0.86, 0.89),
    "lavender": (0.86, 0.83, 0.96),
}
NIGHT: Final[tuple[Rgb, Rgb]] = ((0.04, 0.06, 0.20), (0.16, 0.20, 0.42))
GRASS: Final[tuple[Rgb, Rgb]] = ((0.72, 0.88, 0.98), (0.50, 0.76, 0.34))
WATER: Final[tuple[Rgb, Rgb]] = ((0.86, 0.93, 0.98), (0.36, 0.64, 0.86))
CHECKERBOARD: Final[tuple[Rgb, Rgb]] = ((0.93, 0.93, 0.94), (0.78, 0.79, 0.82))
MINIMUM_CONTRAST: Final = 0.33

# Radii in pixels, by the number of things and the size.
RADII: Final[dict[str, tuple[float, float]]] = {"small": (15, 19), "medium": (25, 33), "large": (42, 50)}
PAIR_RADIUS: Final = (17.0, 25.0)
ROW_RADIUS: Final = (14.0, 18.0)


@dataclass(frozen=True)
class Thing:
    """One object; `x`, `y` its centre and `radius` in pixels, `tilt` in radians."""

    shape: str
    colour: str
    size: str
    x: float
    y: float
    radius: float
    tilt: float


@dataclass(frozen=True)
class Scene:
    """One picture's content. `relation` is of the first thing to the second.

    `shades` are the background's colours from top to bottom, `shade_name` what a plain one is called. `seed`
    decides all that no caption tells: grain, stars, brush.
    """

    things: tuple[Thing, ...]
    relation: str
    background: str
    shades: tuple[Rgb, Rgb]
    shade_name: str | None
    style: str
    seed: int


def is_held_out(colour: str, shape: str) -> bool:
    """Whether no training picture shows this shape in this colour: a fifth of all pairs."""
    return (2 * list(COLOURS).index(colour) + SHAPES.index(shape)) % 5 == 0


def is_trained(colour: str, shape: str) -> bool:
    return not is_held_out(colour, shape)


def sample_scene(
    rng: Generator,
    *,
    things: int | None = None,
    allowed: Callable[[str, str], bool] = is_trained,
    related: bool = False,
    setting: tuple[str, str] | None = None,
) -> Scene:
    """Draw a scene at random.

    `things`: 1 to 3, by chance if None; `allowed(colour, shape)` rejects pairs; `related`: two things stand
    in a relation for sure; `setting`: the background and the style, by chance if None.
    """
    count = things or int(rng.choice([1, 2, 3], p=[0.46, 0.44, 0.10]))
    background, style = setting or _setting(rng)
    shades, shade_name = _shades(rng, background)
    looks = _looks(rng, count, shades, background, allowed)
    relation, size, places = _arrange(rng, count, related=related)
    placed = tuple(
        Thing(shape, colour, size, x, y, radius, float(rng.normal(0, 0.06)))
        for (colour, shape), (x, y, radius) in zip(looks, places, strict=True)
    )
    return Scene(placed, relation, background, shades, shade_name, style, int(rng.integers(2**31)))


def _setting(rng: Generator) -> tuple[str, str]:
    background = str(rng.choice(BACKGROUNDS, p=[0.45, 0.11, 0.11, 0.11, 0.11, 0.11]))
    return background, str(rng.choice(STYLES, p=[0.60, 0.10, 0.10, 0.10, 0.10]))


def _shades(rng: Generator, background: str) -> tuple[tuple[Rgb, Rgb], str | None]:
    match background:
        case "plain":
            name = str(rng.choice(list(PLAINS)))
            return (PLAINS[name], PLAINS[name]), name
        case "gradient":
            top, bottom = rng.choice(list(PLAINS), size=2, replace=False)
            return (_deeper(PLAINS[str(top)]), PLAINS[str(bottom)]), None
        case "night":
            return NIGHT, None
        case "grass":
            return GRASS, None
        case "water":
            return WATER, None
        case _:
            return CHECKERBOARD, None


def _deeper(colour: Rgb) -> Rgb:
    red, green, blue = (1 - 1.5 * (1 - part) for part in colour)
    return red, green, blue


def _looks(
    rng: Generator,
    count: int,
    shades: Sequence[Rgb],
    background: str,
    allowed: Callable[[str, str], bool],
) -> list[tuple[str, str]]:
    """Pairs of colour and shape that can be told from the background and from each other."""
    middle = np.mean(shades, axis=0)
    relevant = [middle] if background == "gradient" else [np.asarray(shade) for shade in shades]
    colours = [
        name
        for name, colour in COLOURS.items()
        if min(float(np.linalg.norm(colour - shade)) for shade in relevant) > MINIMUM_CONTRAST
    ]
    looks: list[tuple[str, str]] = []
    while len(looks) < count:
        look = str(rng.choice(colours)), str(rng.choice(SHAPES))
        if allowed(*look) and all(look[1] != shape for _, shape in looks):
            looks.append(look)
    return looks


Places: TypeAlias = list[tuple[float, float, float]]


def _arrange(rng: Generator, count: int, *, related: bool) -> tuple[str, str, Places]:
    """The relation, the size and for each thing its centre and radius."""
    if count == 1:
        size = str(rng.choice(SIZES, p=[0.22, 0.56, 0.22]))
        radius = float(rng.uniform(*RADII[size]))
        room = min(SIDE / 2 - radius - 3, 22)
        x, y = SIDE / 2 + rng.uniform(-room, room, size=2)
        return "none", size, [(float(x), float(y), radius)]
    if count == 3:
        centres = [SIDE * share for share in (0.19, 0.5, 0.81)]
        height = SIDE / 2 + rng.uniform(-16, 16)
        places = [(x + rng.uniform(-2, 2), height + rng.uniform(-5, 5)) for x in centres]
        return "row", "small", [(float(x), float(y), float(rng.uniform(*ROW_RADIUS))) for x, y in places]
    relation = str(rng.choice(["left", "right", "above", "below", "on", "none"]))
    if related and relation == "none":
        relation = "left"
    return relation, "medium", _pair(rng, relation)


def _pair(rng: Generator, relation: str) -> Places:
    """Two places; those of "none" lie anywhere apart."""
    first, second = (float(radius) for radius in rng.uniform(*PAIR_RADIUS, size=2))
    across = rng.uniform(-10, 10)
    if relation == "on":
        gap = first + 0.88 * second
        base = SIDE / 2 + gap / 2 + rng.uniform(-3, 3)
        x = SIDE / 2 + across
        return [(float(x + rng.uniform(-3, 3)), float(base - gap), first), (float(x), float(base), second)]
    gap = first + second + rng.uniform(6, 14)
    near, far = SIDE / 2 - gap / 2, SIDE / 2 + gap / 2
    slip = rng.uniform(-6, 6, size=2)
    along = relation if relation != "none" else str(rng.choice(["left", "right", "above", "below"]))
    before = (near, far) if along in {"left", "above"} else (far, near)
    if along in {"left", "right"}:
        heights = SIDE / 2 + across + slip
        return [(before[0], float(heights[0]), first), (before[1], float(heights[1]), second)]
    widths = SIDE / 2 + across + slip
    return [(float(widths[0]), before[0], first), (float(widths[1]), before[1], second)]
