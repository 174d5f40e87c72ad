"""Signed distances against closed forms and against the nearest of many sampled edge points."""

import numpy as np
import pytest

from engine.demo.world.scene import SHAPES
from engine.demo.world.shapes import PARTS, Field, box, disc, polygon, union


def grid(side: int = 41, reach: float = 1.5) -> tuple[Field, Field]:
    y, x = np.mgrid[0:side, 0:side]
    return x / (side - 1) * 2 * reach - reach, y / (side - 1) * 2 * reach - reach


def test_a_disc_is_the_distance_to_its_circle() -> None:
    x, y = grid()
    assert np.allclose(disc(x, y, (0.2, -0.1), 0.7), np.hypot(x - 0.2, y + 0.1) - 0.7)


def test_a_polygon_is_the_distance_to_its_nearest_edge_point_negative_inside() -> None:
    x, y = grid()
    corners = np.array([(-0.8, -0.5), (0.9, -0.7), (0.1, 0.1), (0.6, 0.9), (-0.6, 0.6)])
    edges = np.concatenate(
        [np.linspace(a, b, 400) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
    )
    nearest = np.hypot(x[..., None] - edges[:, 0], y[..., None] - edges[:, 1]).min(axis=-1)
    field = polygon(x, y, *[(float(a), float(b)) for a, b in corners])
    # Half the gap between two sampled points.
    assert np.abs(np.abs(field) - nearest).max() < 2.5e-3
    assert field[20, 12] < 0
    assert field[20, 39] > 0


def test_a_box_is_the_polygon_of_its_corners() -> None:
    x, y = grid()
    corners = (-0.5, -0.2), (0.9, -0.2), (0.9, 0.8), (-0.5, 0.8)
    assert np.allclose(box(x, y, (0.2, 0.3), (0.7, 0.5)), polygon(x, y, *corners), atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_drawn_and_stays_near_its_radius(shape: str) -> None:
    x, y = grid(side=121)
    silhouette = union(*(field for field, _ in PARTS[shape](x, y)))
    inside = silhouette < 0
    assert 0.08 < inside.mean() * 9 / 4 < 1
    # What the painter leaves room for.
    assert np.hypot(x, y)[inside].max() < 1.3
    assert np.abs(x)[inside].max() < 1.1
    assert np.abs(y)[inside].max() < 1.1


def test_no_two_shapes_look_the_same() -> None:
    x, y = grid(side=81)
    looks = [union(*(field for field, _ in PARTS[shape](x, y))) < 0 for shape in SHAPES]
    for number, look in enumerate(looks):
        for other in looks[:number]:
            assert (look ^ other).mean() > 0.02
