r"""The grammar of emphasis in prompts: `(text)` counts 1.1 times as much, `(text:0.8)` 0.8 times, `\(` is a
bracket.

Groups nest: an unnumbered group multiplies what surrounds it, a number replaces it. Brackets without a
partner are text, and so is `[...]`.
"""

import math
from dataclasses import dataclass

EMPHASIS = 1.1
# Nobody nests so deep by hand, and each level reads its inside again.
MAX_DEPTH = 64

_ESCAPED = {"\\(": "\ufdd0", "\\)": "\ufdd1"}  # two code points that Unicode reserves for such use
_LITERAL = str.maketrans({"\ufdd0": "(", "\ufdd1": ")"})


@dataclass(frozen=True)
class Segment:
    """A piece of a prompt and how much it counts."""

    text: str
    weight: float


def parse_weights(prompt: str) -> list[Segment]:
    """The prompt's segments in order, brackets and numbers taken away; none is empty."""
    for escape, stand_in in _ESCAPED.items():
        prompt = prompt.replace(escape, stand_in)
    return [
        Segment(segment.text.translate(_LITERAL), segment.weight)
        for segment in _parse(Segment(prompt, 1.0), 0)
    ]


def _parse(outer: Segment, depth: int) -> list[Segment]:
    segments: list[Segment] = []
    for piece in _split_groups(outer.text):
        if depth < MAX_DEPTH and len(piece) > 1 and piece[0] == "(" and piece[-1] == ")":
            segments += _parse(_open_group(piece[1:-1], outer.weight), depth + 1)
        else:
            segments.append(Segment(piece, outer.weight))
    return segments


def _open_group(inside: str, weight: float) -> Segment:
    """The text of a group with the weight that holds in it."""
    text, colon, number = inside.rpartition(":")
    if colon and text:
        try:
            if math.isfinite(explicit := float(number)):
                return Segment(text, explicit)
        except ValueError:
            pass  # the colon was part of the text
    return Segment(inside, weight * EMPHASIS)


def _split_groups(text: str) -> list[str]:
    """Top-level groups with their brackets, and the texts between them.

    A closing bracket too many leaves the depth below zero, so the next opening one is text: prompts that
    people have depend on it.
    """
    pieces: list[str] = []
    start = depth = 0
    for place, character in enumerate(text):
        if character == "(":
            if depth == 0:
                pieces.append(text[start:place])
                start = place
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                pieces.append(text[start : place + 1])
                start = place + 1
    pieces.append(text[start:])
    return [piece for piece in pieces if piece]
