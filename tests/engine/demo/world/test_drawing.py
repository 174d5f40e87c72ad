"""Pictures show what their scenes hold."""

from dataclasses import replace

import numpy as np
import pytest

from engine.demo.world.drawing import PIXEL, draw
from engine.demo.world.scene import COLOURS, PLAINS, SHAPES, SIDE, STYLES, Scene, Thing, sample_scene

WHITE = PLAINS["white"]


def scene_of(shape: str, colour: str, style: str = "flat") -> Scene:
    thing = Thing(shape, colour, "large", 64, 64, 40, 0.0)
    return Scene((thing,), "none", "plain", (WHITE, WHITE), "white", style, seed=3)


def test_equal_scenes_give_equal_pictures_and_seeds_change_what_captions_do_not_tell() -> None:
    night = sample_scene(np.random.default_rng(2), setting=("night", "flat"))
    assert (draw(night) == draw(night)).all()
    other = draw(replace(night, seed=night.seed + 1))
    assert 0 < (draw(night) != other).any(axis=2).mean() < 0.5


@pytest.mark.parametrize("colour", [name for name in COLOURS if name != "white"])
def test_a_thing_is_mostly_of_its_colour(colour: str) -> None:
    picture = draw(scene_of("square", colour)) / 255
    middle = picture[40:88, 40:88].reshape(-1, 3).mean(axis=0)
    # Shades vary by 0.018 (one deviation) a channel.
    assert np.abs(middle - COLOURS[colour]).max() < 0.08


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("style", STYLES)
def test_every_shape_shows_in_every_style(shape: str, style: str) -> None:
    bare = draw(replace(scene_of(shape, "red", style), things=()))
    changed = np.abs(draw(scene_of(shape, "red", style)).astype(int) - bare).max(axis=2) > 40
    assert changed.mean() > 0.015
    rows, columns = changed.nonzero()
    # The mass of a crescent lies to one side.
    assert abs(rows.mean() - 64) < 20
    assert abs(columns.mean() - 64) < 20


def test_edges_are_anti_aliased() -> None:
    row = draw(scene_of("circle", "black"))[64, :, 0].astype(int)
    shades = {int(shade) for shade in row if 40 < shade < 235}
    assert len(shades) >= 2


def test_pixel_art_is_made_of_equal_blocks() -> None:
    picture = draw(scene_of("heart", "pink", "pixel"))
    blocks = picture.reshape(SIDE // PIXEL, PIXEL, SIDE // PIXEL, PIXEL, 3)
    assert (blocks == blocks[:, :1, :, :1]).all()


def test_a_blueprint_is_white_on_blue_whatever_the_colours() -> None:
    picture, other = (
        draw(scene_of("square", colour, "blueprint")).astype(int) for colour in ("red", "green")
    )
    assert (picture == other).all()
    is_line = picture[..., 0] > 200
    assert 0.005 < is_line.mean() < 0.1
    assert (picture[~is_line][:, 2] > picture[~is_line][:, 0] + 15).all()


def test_the_first_of_two_things_is_where_its_coordinates_say() -> None:
    left, right = (
        Thing("square", "red", "medium", 32, 64, 20, 0),
        Thing("square", "blue", "medium", 96, 64, 20, 0),
    )
    picture = draw(replace(scene_of("square", "red"), things=(left, right), relation="left")).astype(int)
    assert picture[64, 32, 0] - picture[64, 32, 2] > 100
    assert picture[64, 96, 2] - picture[64, 96, 0] > 100
