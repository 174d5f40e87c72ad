"""What scenes may hold."""

import numpy as np
import pytest

from engine.demo.world.scene import (
    COLOURS,
    MINIMUM_CONTRAST,
    SHAPES,
    SIDE,
    Scene,
    is_held_out,
    sample_scene,
)


def scenes(count: int = 400, **wishes: object) -> list[Scene]:
    rng = np.random.default_rng(5)
    return [sample_scene(rng, **wishes) for _ in range(count)]  # type: ignore[arg-type]


def test_a_seed_gives_one_scene() -> None:
    assert scenes(5) == scenes(5)
    assert len({scene.seed for scene in scenes(50)}) == 50


def test_a_fifth_of_all_pairs_is_held_out_and_each_colour_and_shape_keeps_most_of_its_own() -> None:
    held = [(colour, shape) for colour in COLOURS for shape in SHAPES if is_held_out(colour, shape)]
    assert len(held) * 5 == len(COLOURS) * len(SHAPES)
    assert {colour for colour, _ in held} == set(COLOURS)
    assert {shape for _, shape in held} == set(SHAPES)
    assert all(sum(name == colour for name, _ in held) == 3 for colour in COLOURS)


def test_held_out_pairs_appear_only_where_they_are_asked_for() -> None:
    assert not any(is_held_out(thing.colour, thing.shape) for scene in scenes() for thing in scene.things)
    asked = scenes(allowed=lambda colour, shape: True)
    assert any(is_held_out(thing.colour, thing.shape) for scene in asked for thing in scene.things)


def test_things_stand_out_from_the_background_and_fit_into_the_picture() -> None:
    for scene in scenes():
        shades = [np.mean(scene.shades, axis=0)] if scene.background == "gradient" else scene.shades
        for thing in scene.things:
            distances = [np.linalg.norm(np.subtract(COLOURS[thing.colour], shade)) for shade in shades]
            assert min(distances) > MINIMUM_CONTRAST
            assert thing.radius < thing.x < SIDE - thing.radius
            assert 0.8 * thing.radius < thing.y < SIDE - 0.8 * thing.radius


@pytest.mark.parametrize(
    ("relation", "axis", "sign"),
    [("left", 0, -1), ("right", 0, 1), ("above", 1, -1), ("on", 1, -1), ("below", 1, 1)],
)
def test_the_first_thing_stands_where_the_relation_says(relation: str, axis: int, sign: int) -> None:
    found = [scene for scene in scenes() if scene.relation == relation]
    assert len(found) > 5
    for scene in found:
        first, second = scene.things
        apart = np.array([first.x - second.x, first.y - second.y])
        assert np.abs(apart).argmax() == axis
        assert np.sign(apart[axis]) == sign
        touch = np.abs(apart).max() < first.radius + second.radius
        assert touch == (relation == "on")


def test_wishes_are_kept() -> None:
    for scene in scenes(60, things=2, related=True, setting=("night", "pixel")):
        assert len(scene.things) == 2
        assert scene.relation not in {"none", "row"}
        assert (scene.background, scene.style) == ("night", "pixel")
