"""Scenes in words, in several wordings."""

from typing import Final

from numpy.random import Generator

from engine.demo.world.scene import Scene, Thing

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "cat face": ("cat face", "cat", "cat"),
    "mug": ("mug", "mug", "cup"),
    "boat": ("boat", "boat", "sailboat"),
    "moon": ("moon", "crescent moon"),
    "ring": ("ring", "ring", "donut"),
    "house": ("house", "house", "cottage"),
}
SIZE_WORDS: Final = {"small": ("small", "tiny", "little"), "large": ("large", "big", "huge")}
RELATION_WORDS: Final = {
    "left": ("left of", "to the left of", "on the left of"),
    "right": ("right of", "to the right of", "on the right of"),
    "above": ("above", "over"),
    "below": ("below", "under", "beneath"),
    "on": ("on", "on top of"),
    "none": ("and", "and", "next to"),
}
BEFORE_STYLE: Final = {
    "flat": ("a flat illustration of {}", "a drawing of {}", "a picture of {}"),
    "outline": ("an outline drawing of {}", "line art of {}", "an outline of {}"),
    "pencil": ("a pencil sketch of {}", "a pencil drawing of {}"),
    "pixel": ("pixel art of {}", "a pixel art picture of {}"),
    "watercolour": ("a watercolour painting of {}", "a watercolor of {}", "a watercolour of {}"),
}
AFTER_STYLE: Final = {
    "flat": ("{}, flat style", "{}, flat colours"),
    "outline": ("{}, line art", "{}, outline style"),
    "pencil": ("{}, pencil sketch", "{}, pencil drawing"),
    "pixel": ("{}, pixel art", "{}, pixel art style"),
    "watercolour": ("{}, watercolour", "{}, watercolor style"),
}
BACKGROUND_WORDS: Final = {
    "plain": ("on a plain background", "plain background"),
    "gradient": ("on a gradient background", "with a soft gradient background"),
    "night": ("at night", "in the night sky", "under a starry night sky", "night sky background"),
    "grass": ("on grass", "on a green meadow", "on the grass", "in a field of grass"),
    "water": ("on water", "on the sea", "over the water", "with water in the background"),
    "checkerboard": ("on a checkerboard", "on a checkerboard background", "checkered background"),
}


def caption(scene: Scene, rng: Generator) -> str:
    """One English caption, lower case.

    An unnamed style is flat. An unnamed background is often plain but may be any.
    """
    phrases = [_noun(thing, rng) for thing in scene.things]
    text = _join(phrases, scene.relation, rng)
    background = _background(scene, rng)
    separator = ", " if background.endswith("background") and rng.random() < 0.4 else " "
    if background:
        text = f"{text}{separator}{background}"
    return _styled(text, scene.style, rng)


def _pick(rng: Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _noun(thing: Thing, rng: Generator) -> str:
    name = _pick(rng, NAMES.get(thing.shape, (thing.shape,)))
    size = ""
    if thing.size in SIZE_WORDS and rng.random() < 0.6:
        size = _pick(rng, SIZE_WORDS[thing.size]) + " "
    words = f"{size}{thing.colour} {name}"
    draw = rng.random()
    if draw < 0.12:
        return words
    if draw < 0.2:
        return f"{_with_article(size + name)} that is {thing.colour}"
    return _with_article(words)


def _with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _join(phrases: list[str], relation: str, rng: Generator) -> str:
    if len(phrases) == 1:
        return phrases[0]
    if relation == "row":
        ending = " in a row" if rng.random() < 0.5 else ""
        return f"{', '.join(phrases[:-1])} and {phrases[-1]}{ending}"
    return f"{phrases[0]} {_pick(rng, RELATION_WORDS[relation])} {phrases[1]}"


def _background(scene: Scene, rng: Generator) -> str:
    if rng.random() < 0.25:
        return ""
    if scene.shade_name is not None and rng.random() < 0.75:
        article = "on a" if rng.random() < 0.8 else "with a"
        return f"{article} {scene.shade_name} background"
    return _pick(rng, BACKGROUND_WORDS[scene.background])


def _styled(text: str, style: str, rng: Generator) -> str:
    draw = rng.random()
    if style == "flat" and draw < 0.6:
        return text
    forms = BEFORE_STYLE if draw < 0.8 else AFTER_STYLE
    return _pick(rng, forms[style]).format(text)
