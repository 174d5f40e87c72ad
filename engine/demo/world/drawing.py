"""Paint a scene: backgrounds, then each thing in the scene's style. All edges are anti-aliased."""

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from engine.demo.world.scene import COLOURS, SIDE, Rgb, Scene, Thing
from engine.demo.world.shapes import PARTS, Field, Tone, union

Picture: TypeAlias = npt.NDArray[np.floating[Any]]

PAPER: Final = (0.985, 0.98, 0.965)
INK: Final = (0.12, 0.11, 0.13)
BLUEPRINT: Final = (0.09, 0.24, 0.52)
CHALK: Final = (0.90, 0.95, 1.0)
PIXEL: Final = 4
# Pixels beyond a thing's radius that its strokes may reach.
MARGIN: Final = 8


def draw(scene: Scene) -> npt.NDArray[np.uint8]:
    """(128, 128, 3), 8 bit; equal scenes give equal pictures.

    Beside the styles of scenes there is "blueprint": white lines on blue, whatever the scene's colours.
    """
    rng = np.random.default_rng(scene.seed)
    picture = _background(scene, rng)
    for thing in scene.things:
        _paint(picture, thing, scene.style, rng)
    if scene.style == "pixel":
        picture = np.repeat(np.repeat(picture[2::PIXEL, 2::PIXEL], PIXEL, axis=0), PIXEL, axis=1)
    elif scene.style in {"pencil", "watercolour"}:
        picture += rng.normal(0, 0.012, size=(SIDE, SIDE, 1)).astype(np.float32)
    return np.rint(picture.clip(0, 1) * 255).astype(np.uint8)


def _grid() -> tuple[Field, Field]:
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) + np.float32(0.5)
    return x, y


def _mix(below: Picture, above: Rgb | Picture, share: Field | float) -> Picture:
    weight = share[..., None] if isinstance(share, np.ndarray) else np.float32(share)
    return below + (np.asarray(above, dtype=np.float32) - below) * weight


def _cover(distance: Field) -> Field:
    """How much of each pixel lies inside; distance in pixels."""
    return np.clip(np.float32(0.5) - distance, 0, 1)


def _cloud(rng: Generator, cells: int) -> Field:
    """Smooth noise about 0 with variations `SIDE / cells` pixels wide."""
    coarse = rng.normal(size=(cells + 1, cells + 1)).astype(np.float32)
    at = np.linspace(0, cells, SIDE, endpoint=False, dtype=np.float32)
    low = at.astype(int)
    share = at - low
    share = share * share * (3 - 2 * share)
    blend = np.zeros((SIDE, cells + 1), dtype=np.float32)
    blend[np.arange(SIDE), low], blend[np.arange(SIDE), low + 1] = 1 - share, share
    return blend @ coarse @ blend.T


def _background(scene: Scene, rng: Generator) -> Picture:
    x, y = _grid()
    top, bottom = (np.asarray(shade, dtype=np.float32) for shade in scene.shades)
    plain = np.broadcast_to(top, (SIDE, SIDE, 3)).copy()
    match scene.background:
        case "gradient" | "night":
            picture = _mix(plain, bottom, y / SIDE)
            if scene.background == "night":
                _sprinkle_stars(picture, rng)
        case "grass":
            picture = _meadow(plain, bottom, rng)
        case "water":
            picture = _waves(plain, bottom, rng)
        case "checkerboard":
            odd = ((x // 16).astype(int) + (y // 16).astype(int)) % 2
            picture = _mix(plain, bottom, odd.astype(np.float32))
        case _:
            picture = plain
    return _on_paper(picture, scene.style, rng)


def _sprinkle_stars(picture: Picture, rng: Generator) -> None:
    for column, row in rng.integers(2, SIDE - 2, size=(26, 2)):
        glow = rng.uniform(0.5, 1.0)
        picture[row : row + 2, column : column + 2] += glow * (
            0.98 - picture[row : row + 2, column : column + 2]
        )


def _meadow(sky: Picture, green: Picture, rng: Generator) -> Picture:
    x, y = _grid()
    horizon = SIDE * rng.uniform(0.5, 0.62) + 3 * np.sin(x / SIDE * 4 + rng.uniform(0, 6))
    blades = 2.2 * np.abs(np.sin(x * 0.8 + np.float32(rng.uniform(0, 3))))
    picture = _mix(sky, green, _cover(horizon - blades - y))
    streaks = np.clip(np.sin(x * 0.9 + 3 * np.sin(y * 0.35)) - 0.7, 0, 1) * (y > horizon + 4)
    return _mix(picture, green * np.float32(0.75), streaks.astype(np.float32))


def _waves(sky: Picture, blue: Picture, rng: Generator) -> Picture:
    x, y = _grid()
    horizon = np.float32(SIDE * rng.uniform(0.4, 0.52))
    swell = np.sin(x * np.float32(0.28) + rng.uniform(0, 6)) * 1.6
    picture = _mix(sky, blue, _cover(horizon + swell - y))
    depth = y - horizon - swell
    crest = _cover(np.abs((depth % 16) - 8) - 0.9) * (depth > 4)
    return _mix(picture, (0.80, 0.91, 0.98), np.float32(0.7) * crest.astype(np.float32))


def _on_paper(picture: Picture, style: str, rng: Generator) -> Picture:
    """The background as this style would put it down."""
    if style == "pencil":
        x, y = _grid()
        strokes = np.float32(0.38) + np.float32(0.22) * np.sin((x + y) * np.float32(1.1))
        return _mix(np.full_like(picture, PAPER), picture, strokes)
    if style == "watercolour":
        wash = np.clip(np.float32(0.68) + np.float32(0.16) * _cloud(rng, 5), 0.3, 1)
        return _mix(np.full_like(picture, PAPER), picture, wash)
    if style == "blueprint":
        x, y = _grid()
        lines = ((x % 16 < 1) | (y % 16 < 1)).astype(np.float32)
        return _mix(np.full_like(picture, BLUEPRINT), CHALK, np.float32(0.16) * lines)
    return picture


def _paint(picture: Picture, thing: Thing, style: str, rng: Generator) -> None:
    """Put one thing onto the picture, in place."""
    reach = 1.1 * thing.radius + MARGIN
    rows = slice(max(0, int(thing.y - reach)), min(SIDE, int(thing.y + reach) + 1))
    columns = slice(max(0, int(thing.x - reach)), min(SIDE, int(thing.x + reach) + 1))
    x, y = (field[rows, columns] for field in _grid())
    if style in {"watercolour", "pencil"}:
        sway = np.float32(1.3 if style == "watercolour" else 0.6)
        x, y = (axis + sway * _cloud(rng, 12)[rows, columns] for axis in (x, y))
    cosine, sine = np.float32(np.cos(thing.tilt)), np.float32(np.sin(thing.tilt))
    right, down = (x - np.float32(thing.x)), (y - np.float32(thing.y))
    scale = np.float32(1 / thing.radius)
    local = (cosine * right + sine * down) * scale, (cosine * down - sine * right) * scale
    parts = [(field * np.float32(thing.radius), tone) for field, tone in PARTS[thing.shape](*local)]
    base = np.clip(np.asarray(COLOURS[thing.colour]) + rng.normal(0, 0.018, size=3), 0, 1)
    patch = picture[rows, columns]
    brushes = {
        "outline": _outlined,
        "pencil": _pencilled,
        "watercolour": _washed,
        "blueprint": _blueprinted,
    }
    brush = brushes.get(style, _filled)
    picture[rows, columns] = brush(patch, parts, base.astype(np.float32), rng)


def _tint(tone: Tone, base: Picture) -> Picture:
    """The colour of a part of a thing whose own colour is `base`, (3,)."""
    light = float(base.mean())
    match tone:
        case Tone.BASE:
            return base
        case Tone.DARK:
            return base * np.float32(0.68) if light > 0.2 else base + np.float32(0.22)
        case Tone.LIGHT:
            return base + (1 - base) * np.float32(0.55) if light < 0.9 else base * np.float32(0.86)
        case Tone.INK:
            return np.asarray(INK if light > 0.25 else PAPER, dtype=np.float32)
        case Tone.WOOD:
            return np.asarray((0.42, 0.28, 0.18), dtype=np.float32)
        case Tone.LEAF:
            return np.asarray((0.25, 0.55, 0.25), dtype=np.float32)
        case Tone.HEART:
            yellowish = base[0] > 0.9 and base[1] > 0.7 and base[2] < 0.5
            return np.asarray((0.55, 0.33, 0.12) if yellowish else (0.99, 0.80, 0.45), dtype=np.float32)


PixelParts: TypeAlias = list[tuple[Field, Tone]]


def _filled(patch: Picture, parts: PixelParts, base: Picture, rng: Generator) -> Picture:
    """Flat colours and a thin darker rim, which keeps pale things apart from pale grounds."""
    for distance, tone in parts:
        patch = _mix(patch, _tint(tone, base), _cover(distance))
    silhouette = union(*(distance for distance, _ in parts))
    rim = _cover(np.abs(silhouette + np.float32(0.6)) - np.float32(0.8))
    return _mix(patch, _tint(Tone.DARK, base), rim)


def _outlined(patch: Picture, parts: PixelParts, base: Picture, rng: Generator) -> Picture:
    for distance, tone in parts:
        colour = base if tone in {Tone.DARK, Tone.LIGHT} else _tint(tone, base)
        patch = _mix(patch, colour, _cover(np.abs(distance) - np.float32(1.5)))
    return patch


def _pencilled(patch: Picture, parts: PixelParts, base: Picture, rng: Generator) -> Picture:
    height, width = patch.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    wobble = np.float32(rng.uniform(0, 6))
    hatch = np.float32(0.62) + np.float32(0.34) * np.sin((x - y) * np.float32(1.25) + wobble)
    for distance, tone in parts:
        colour = _tint(tone, base)
        patch = _mix(patch, colour, _cover(distance) * hatch)
        patch = _mix(patch, colour * np.float32(0.7), _cover(np.abs(distance) - np.float32(0.7)))
    return patch


def _washed(patch: Picture, parts: PixelParts, base: Picture, rng: Generator) -> Picture:
    height, width = patch.shape[:2]
    pigment = np.clip(np.float32(0.78) + np.float32(0.13) * _cloud(rng, 9)[:height, :width], 0.45, 1)
    for distance, tone in parts:
        colour = _tint(tone, base)
        patch = _mix(patch, colour, np.clip(np.float32(0.5) - distance / 2, 0, 1) * pigment)
        pool = np.exp(-(((distance + 2) / 1.6) ** 2)) * np.float32(0.35)
        patch = _mix(patch, colour * np.float32(0.72), pool * _cover(distance))
    return patch


def _blueprinted(patch: Picture, parts: PixelParts, base: Picture, rng: Generator) -> Picture:
    for distance, _ in parts:
        patch = _mix(patch, BLUEPRINT, _cover(distance))
        patch = _mix(patch, CHALK, _cover(np.abs(distance) - np.float32(1.2)))
    return patch
