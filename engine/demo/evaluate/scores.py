"""Marks for pictures: what the grader sees against what the caption told."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import permutations
from typing import Final

from engine.demo.evaluate.grader import Sight, View
from engine.demo.evaluate.questions import Question
from engine.demo.world.scene import Scene, Thing, is_held_out

NOTHING: Final = Sight("", "", float("nan"), float("nan"))


def score(questions: Sequence[Question], views: Sequence[View]) -> dict[str, tuple[int, int]]:
    """(right, asked) by mark.

    colour and shape count things (all, and those of held-out pairs: "unseen"); "unseen pairs" needs both.
    relation: two things are found, each right in shape or colour, and lie as the caption says. exact: all
    things and their relation are right.
    """
    marks: dict[str, list[bool]] = defaultdict(list)
    for question, view in zip(questions, views, strict=True):
        scene = question.scene
        sights = match(scene.things, view.sights)
        for thing, sight in zip(scene.things, sights, strict=True):
            right = (sight.colour == thing.colour, sight.shape == thing.shape)
            marks["colour"].append(right[0])
            marks["shape"].append(right[1])
            if is_held_out(thing.colour, thing.shape):
                marks["unseen pairs"].append(all(right))
            else:
                marks["trained pairs"].append(all(right))
        if question.kind == "relation":
            found = [_agreement(*pair) > 0 for pair in zip(scene.things, sights, strict=True)]
            marks["relation"].append(all(found) and stands_right(scene, sights))
        if question.kind == "setting":
            marks["background"].append(view.background == scene.background)
            marks["style"].append(view.style == scene.style)
        marks["exact"].append(_is_exact(scene, sights))
    return {mark: (sum(answers), len(answers)) for mark, answers in marks.items()}


def match(things: Sequence[Thing], sights: Sequence[Sight]) -> tuple[Sight, ...]:
    """For each thing the sight that is meant to be it: the assignment that agrees most."""
    padded = [*sights[:6], *[NOTHING] * len(things)]

    def agreement(chosen: Iterable[Sight]) -> int:
        return sum(_agreement(thing, sight) for thing, sight in zip(things, chosen, strict=True))

    return max(permutations(padded, len(things)), key=agreement)


def stands_right(scene: Scene, sights: Sequence[Sight]) -> bool:
    """Whether the first of two sights lies towards the second as the relation says."""
    right, down = sights[0].x - sights[1].x, sights[0].y - sights[1].y
    sideways = abs(right) > abs(down)
    match scene.relation:
        case "left":
            return sideways and right < 0
        case "right":
            return sideways and right > 0
        case "above" | "on":
            return not sideways and down < 0
        case "below":
            return not sideways and down > 0
        case _:
            return True


def _agreement(thing: Thing, sight: Sight) -> int:
    return (thing.colour == sight.colour) + (thing.shape == sight.shape)


def _is_exact(scene: Scene, sights: Sequence[Sight]) -> bool:
    return all(_agreement(thing, sight) == 2 for thing, sight in zip(scene.things, sights, strict=True)) and (
        len(sights) != 2 or stands_right(scene, sights)
    )
