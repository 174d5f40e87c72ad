"""Marks on answers that are known."""

from dataclasses import replace

import numpy as np
import pytest

from engine.demo.evaluate.grader import Sight, View
from engine.demo.evaluate.questions import RELATION, SETTING, SINGLE, Question, ask
from engine.demo.evaluate.scores import match, score
from engine.demo.world import Scene


def true_view(scene: Scene) -> View:
    sights = tuple(Sight(thing.shape, thing.colour, thing.x, thing.y) for thing in scene.things)
    return View(sights[::-1], scene.background, scene.style)


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return ask(seed=11)


def test_there_are_500_questions_about_trained_and_held_out_pairs(questions: list[Question]) -> None:
    assert len(questions) == SINGLE + RELATION + SETTING == 500
    marks = score(questions, [true_view(question.scene) for question in questions])
    assert marks["unseen pairs"][1] > 80
    assert marks["relation"][1] == RELATION
    assert marks["background"][1] == SETTING


def test_seen_captions_are_not_asked(questions: list[Question]) -> None:
    seen = frozenset(question.caption for question in questions[::3])
    assert not seen & {question.caption for question in ask(seed=11, seen=seen)}


def test_true_sights_get_full_marks_in_any_order(questions: list[Question]) -> None:
    marks = score(questions, [true_view(question.scene) for question in questions])
    assert all(right == asked for right, asked in marks.values())


def test_sights_of_other_pictures_do_not(questions: list[Question]) -> None:
    order = np.random.default_rng(0).permutation(len(questions))
    marks = score(questions, [true_view(questions[place].scene) for place in order])
    shares = {mark: right / asked for mark, (right, asked) in marks.items()}
    assert shares["shape"] < 0.3
    assert shares["relation"] < 0.3
    assert shares["exact"] < 0.1


def test_an_empty_view_gets_nothing(questions: list[Question]) -> None:
    marks = score(questions, [View((), "plain", "flat")] * len(questions))
    assert marks["colour"][0] == marks["shape"][0] == marks["relation"][0] == marks["exact"][0] == 0


def test_swapped_places_fail_the_relation_and_keep_colour_and_shape(questions: list[Question]) -> None:
    related = [question for question in questions if question.kind == "relation"]
    swapped: list[View] = []
    for question in related:
        first, second = true_view(question.scene).sights
        places = (replace(first, x=second.x, y=second.y), replace(second, x=first.x, y=first.y))
        swapped.append(View(places, "plain", "flat"))
    marks = score(related, swapped)
    assert marks["relation"][0] == 0
    assert marks["colour"][0] == marks["colour"][1]


def test_matching_prefers_agreement_over_order() -> None:
    scene = next(question.scene for question in ask(seed=11) if question.kind == "relation")
    first, second = scene.things
    stranger = Sight("nothing", "nothing", 0, 0)
    sights = (stranger, Sight(second.shape, second.colour, 1, 1), Sight(first.shape, first.colour, 2, 2))
    assert [sight.x for sight in match(scene.things, sights)] == [2, 1]
