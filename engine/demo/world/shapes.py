"""The things of the world as signed distances: negative inside, in units of the thing's radius.

Each shape is a function of local coordinates (x right, y down, both about -1 to 1) that returns its parts in
drawing order, each with the tone it is painted in. Distances after Inigo Quilez, "2D distance functions".
"""

import math
from collections.abc import Callable
from enum import Enum, auto
from functools import reduce
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Field: TypeAlias = npt.NDArray[np.floating[Any]]
Point: TypeAlias = tuple[float, float]


class Tone(Enum):
    """How a part is coloured: by the thing's own colour (BASE, DARK, LIGHT) or by what it is."""

    BASE = auto()
    DARK = auto()
    LIGHT = auto()
    INK = auto()
    WOOD = auto()
    LEAF = auto()
    HEART = auto()


Parts: TypeAlias = list[tuple[Field, Tone]]


def disc(x: Field, y: Field, centre: Point, radius: float) -> Field:
    return np.hypot(x - centre[0], y - centre[1]) - np.float32(radius)


def oval(x: Field, y: Field, centre: Point, radii: Point) -> Field:
    """An ellipse; near its edge the distance is right to first order."""
    u, v = (x - centre[0]) / radii[0], (y - centre[1]) / radii[1]
    level = np.hypot(u, v)
    slope = np.hypot(u / radii[0], v / radii[1]) + np.float32(1e-4)
    return level * (level - 1) / slope


def box(x: Field, y: Field, centre: Point, half: Point, corner: float = 0.0) -> Field:
    u, v = np.abs(x - centre[0]) - (half[0] - corner), np.abs(y - centre[1]) - (half[1] - corner)
    outside = np.hypot(np.maximum(u, 0), np.maximum(v, 0))
    return outside + np.minimum(np.maximum(u, v), 0) - np.float32(corner)


def polygon(x: Field, y: Field, *corners: Point) -> Field:
    nearest = np.full_like(x, np.inf)
    inside = np.zeros(x.shape, dtype=bool)
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        ex, ey = bx - ax, by - ay
        wx, wy = x - ax, y - ay
        along = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey), 0, 1)
        dx, dy = wx - ex * along, wy - ey * along
        nearest = np.minimum(nearest, dx * dx + dy * dy)
        if ay != by:
            crosses = (y >= min(ay, by)) & (y < max(ay, by))
            inside ^= crosses & (wx < wy * (ex / ey))
    distance = np.sqrt(nearest)
    return np.where(inside, -distance, distance)


def union(*fields: Field) -> Field:
    return reduce(np.minimum, fields)


def _circle(x: Field, y: Field) -> Parts:
    return [(disc(x, y, (0, 0), 0.95), Tone.BASE)]


def _square(x: Field, y: Field) -> Parts:
    return [(box(x, y, (0, 0), (0.84, 0.84), 0.04), Tone.BASE)]


def _triangle(x: Field, y: Field) -> Parts:
    return [(polygon(x, y, (0, -0.95), (0.98, 0.8), (-0.98, 0.8)), Tone.BASE)]


def _star(x: Field, y: Field) -> Parts:
    corners = [
        (radius * math.sin(math.pi * number / 5), 0.06 - radius * math.cos(math.pi * number / 5))
        for number, radius in enumerate([1.04, 0.44] * 5)
    ]
    return [(polygon(x, y, *corners), Tone.BASE)]


def _ring(x: Field, y: Field) -> Parts:
    return [(np.abs(disc(x, y, (0, 0), 0.7)) - np.float32(0.24), Tone.BASE)]


def _heart(x: Field, y: Field) -> Parts:
    lobes = disc(np.abs(x), y, (0.45, -0.3), 0.5)
    point = polygon(x, y, (-0.822, 0.034), (0, 0.95), (0.822, 0.034), (0, -0.3))
    return [(union(lobes, point), Tone.BASE)]


def _house(x: Field, y: Field) -> Parts:
    return [
        (box(x, y, (0, 0.36), (0.7, 0.56)), Tone.BASE),
        (polygon(x, y, (-0.98, -0.12), (0, -0.95), (0.98, -0.12)), Tone.DARK),
        (box(x, y, (-0.28, 0.6), (0.17, 0.32)), Tone.DARK),
        (box(x, y, (0.32, 0.36), (0.18, 0.18)), Tone.LIGHT),
    ]


def _tree(x: Field, y: Field) -> Parts:
    crown = union(disc(x, y, (0, -0.44), 0.52), disc(np.abs(x), y, (0.4, 0.04), 0.45))
    return [(box(x, y, (0, 0.68), (0.13, 0.3)), Tone.WOOD), (crown, Tone.BASE)]


def _sun(x: Field, y: Field) -> Parts:
    sector = math.pi / 4
    angle, reach = np.arctan2(y, x), np.hypot(x, y)
    folded = angle - sector * np.round(angle / sector)
    rays = box(reach * np.cos(folded), reach * np.sin(folded), (0.82, 0), (0.18, 0.08), 0.05)
    return [(union(disc(x, y, (0, 0), 0.52), rays), Tone.BASE)]


def _moon(x: Field, y: Field) -> Parts:
    return [(np.maximum(disc(x, y, (0, 0), 0.93), -disc(x, y, (0.44, -0.1), 0.76)), Tone.BASE)]


def _fish(x: Field, y: Field) -> Parts:
    body = union(oval(x, y, (-0.16, 0), (0.76, 0.48)), polygon(x, y, (0.38, 0), (0.97, -0.46), (0.97, 0.46)))
    return [
        (body, Tone.BASE),
        (polygon(x, y, (-0.1, 0.02), (0.28, -0.16), (0.28, 0.2)), Tone.DARK),
        (disc(x, y, (-0.56, -0.1), 0.1), Tone.INK),
    ]


def _cat_face(x: Field, y: Field) -> Parts:
    across = np.abs(x)
    head = union(
        oval(x, y, (0, 0.14), (0.84, 0.72)), polygon(across, y, (0.84, 0.1), (0.74, -0.92), (0.16, -0.5))
    )
    return [
        (head, Tone.BASE),
        (polygon(across, y, (0.72, -0.36), (0.67, -0.68), (0.42, -0.5)), Tone.HEART),
        (oval(across, y, (0.33, 0.02), (0.12, 0.16)), Tone.INK),
        (polygon(x, y, (-0.1, 0.3), (0.1, 0.3), (0, 0.42)), Tone.HEART),
        (box(across, y, (0.5, 0.42), (0.2, 0.02)), Tone.INK),
    ]


def _mug(x: Field, y: Field) -> Parts:
    handle = np.abs(oval(x, y, (0.5, 0.08), (0.36, 0.36))) - np.float32(0.1)
    return [
        (union(handle, box(x, y, (-0.16, 0.08), (0.6, 0.8), 0.12)), Tone.BASE),
        (oval(x, y, (-0.16, -0.66), (0.5, 0.13)), Tone.DARK),
    ]


def _boat(x: Field, y: Field) -> Parts:
    return [
        (box(x, y, (0, -0.2), (0.05, 0.72)), Tone.WOOD),
        (polygon(x, y, (-0.98, 0.36), (0.98, 0.36), (0.6, 0.9), (-0.6, 0.9)), Tone.BASE),
        (polygon(x, y, (0.12, -0.88), (0.12, 0.22), (0.84, 0.22)), Tone.BASE),
        (polygon(x, y, (-0.12, -0.6), (-0.12, 0.22), (-0.66, 0.22)), Tone.LIGHT),
    ]


def _flower(x: Field, y: Field) -> Parts:
    sector = math.pi / 3
    angle, reach = np.arctan2(y + 0.34, x), np.hypot(x, y + 0.34)
    folded = angle - sector * np.round(angle / sector)
    petals = disc(reach * np.cos(folded), reach * np.sin(folded), (0.38, 0), 0.25)
    return [
        (box(x, y, (0, 0.6), (0.06, 0.38)), Tone.LEAF),
        (oval(x, y, (0.24, 0.62), (0.24, 0.11)), Tone.LEAF),
        (petals, Tone.BASE),
        (disc(x, y, (0, -0.34), 0.2), Tone.HEART),
    ]


PARTS: Final[dict[str, Callable[[Field, Field], Parts]]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "ring": _ring,
    "heart": _heart,
    "house": _house,
    "tree": _tree,
    "sun": _sun,
    "moon": _moon,
    "fish": _fish,
    "cat face": _cat_face,
    "mug": _mug,
    "boat": _boat,
    "flower": _flower,
}
