"""Tiles of pictures, and what is put together of them."""

import pytest
import torch
from torch import Tensor

from engine.nodes.tiling import Tiles, Zoom, run_blended, run_tiled, run_within_memory
from engine.residency.device import Placement

CPU = Placement(torch.device("cpu"), torch.float32)
LARGE = Tiles(12, 16, 4)


def enlarge(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, dim=-2).repeat_interleave(2, dim=-1)


@pytest.mark.parametrize("tiles", [LARGE, Tiles(5, 3, 2), Tiles(64, 64, 16), Tiles(20, 8, 0)], ids=str)
def test_tiles_cover_every_cell_and_overlap(tiles: Tiles) -> None:
    seen = torch.zeros(20, 29)
    for rows, columns in tiles.places(20, 29):
        assert 0 < rows.stop - rows.start <= tiles.height
        assert 0 < columns.stop - columns.start <= tiles.width
        seen[rows, columns] += 1
    assert seen.min() >= 1


@pytest.mark.parametrize("tiles", [LARGE, Tiles(6, 5, 1), Tiles(64, 64, 16), Tiles(20, 8, 0)], ids=str)
@pytest.mark.parametrize("run", [run_tiled, run_blended])
def test_what_sees_single_cells_gives_the_whole(run: object, tiles: Tiles) -> None:
    assert callable(run)
    x = torch.randn(2, 3, 20, 28)
    # Weights are divided out again, in float32.
    torch.testing.assert_close(run(enlarge, x, tiles, Zoom(1, 2)), enlarge(x), atol=1e-5, rtol=1e-5)


def test_the_way_back_gives_the_whole_as_well() -> None:
    x = torch.randn(1, 3, 48, 64)
    made = run_blended(lambda tile: tile[..., ::2, ::2], x, Tiles(16, 16, 4), Zoom(2, 1))
    torch.testing.assert_close(made, x[..., ::2, ::2], atol=1e-5, rtol=1e-5)


def test_a_tiles_weight_rises_in_a_straight_line_over_the_overlap() -> None:
    """Two tiles of one row: the first says 0, the second 1; four cells of two elements are shared."""
    said = iter((0.0, 1.0))
    made = run_tiled(
        lambda tile: torch.full_like(enlarge(tile), next(said)), torch.zeros(1, 1, 1, 20), LARGE, Zoom(1, 2)
    )
    rising = torch.arange(1.0, 9) / 8
    expected = torch.cat([torch.zeros(24), rising / (rising + rising.flip(0)), torch.ones(8)])
    torch.testing.assert_close(made[0, 0, 0], expected)


def test_three_shapes_of_tiles_are_averaged() -> None:
    widths = {"flat": 32, "tall": 8, "square": 16}
    x = torch.ones(1, 1, 64, 64)
    made = run_blended(lambda tile: tile * tile.shape[-1], x, Tiles(16, 16, 4), Zoom(1, 1))
    assert made[0, 0, 0, 0].item() == pytest.approx(sum(widths.values()) / 3)


def test_every_tile_is_reported() -> None:
    told: list[tuple[int, int]] = []
    run_blended(
        lambda tile: tile,
        torch.zeros(1, 1, 32, 32),
        Tiles(16, 16, 4),
        Zoom(1, 1),
        lambda *done: told.append(done),
    )
    assert told == [(number, told[0][1]) for number in range(1, told[0][1] + 1)]
    assert len(told) > 12


def test_smaller_tiles_are_tried_until_one_fits() -> None:
    tried: list[Tiles | None] = []

    def run(plan: Tiles | None) -> Tensor:
        tried.append(plan)
        if plan is None or plan.height > 8:
            raise torch.OutOfMemoryError
        return torch.ones(1)

    plans = [None, Tiles(16, 16, 4), Tiles(8, 8, 2), Tiles(4, 4, 1)]
    assert run_within_memory(run, plans, CPU) == 1
    assert tried == plans[:3]


def test_what_is_no_lack_of_memory_is_raised_at_once() -> None:
    calls: list[Tiles | None] = []

    def run(plan: Tiles | None) -> Tensor:
        calls.append(plan)
        raise RuntimeError("it broke")

    with pytest.raises(RuntimeError, match="it broke"):
        run_within_memory(run, [None, LARGE], CPU)
    assert calls == [None]


def test_where_nothing_fits_the_lack_of_memory_is_raised() -> None:
    def run(plan: Tiles | None) -> Tensor:
        raise MemoryError

    with pytest.raises(MemoryError):
        run_within_memory(run, [None, LARGE], CPU)
