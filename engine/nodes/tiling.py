"""Networks run on one tile of a picture after the other, and on smaller tiles where memory runs out.

Where tiles overlap they fade into each other, so that no border shows.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor

from engine.residency.device import Placement
from engine.residency.memory import is_out_of_memory, release_cached


@dataclass(frozen=True)
class Tiles:
    """Tiles of height x width cells, neighbours sharing `overlap` cells, less than either side."""

    height: int
    width: int
    overlap: int

    @property
    def shapes(self) -> tuple["Tiles", "Tiles", "Tiles"]:
        """Flat ones, tall ones and these, all of one area: their borders lie in different places."""
        flat = replace(self, height=self.height // 2, width=self.width * 2)
        tall = replace(self, height=self.height * 2, width=self.width // 2)
        return flat, tall, self

    def places(self, height: int, width: int) -> list[tuple[slice, slice]]:
        """Rows and columns of all tiles of a picture of that size; the last ones may be shorter."""
        rows = _spans(height, self.height, self.overlap)
        return list(product(rows, _spans(width, self.width, self.overlap)))


@dataclass(frozen=True)
class Zoom:
    """How many elements a cell has along a side, in what a network takes and in what it gives."""

    taken: int
    given: int


def _spans(length: int, tile: int, overlap: int) -> list[slice]:
    if length <= tile:
        return [slice(0, length)]
    return [slice(start, min(start + tile, length)) for start in range(0, length - overlap, tile - overlap)]


def run_tiled(
    run: Callable[[Tensor], Tensor],
    x: Tensor,
    tiles: Tiles,
    zoom: Zoom,
    on_tile: Callable[[], None] = lambda: None,
) -> Tensor:
    """What `run` gives for (B, C, H, W) in whole cells, put together of tiles. On the CPU, float32.

    Each tile's weight rises from its borders in a straight line over the overlap. run: (B, C, h, w) of one
    tile -> (B, C', h', w').  on_tile: called after each tile.
    """
    height, width = (side // zoom.taken for side in x.shape[-2:])
    total = weights = torch.zeros(0)
    for rows, columns in tiles.places(height, width):
        made = run(_cut(x, rows, columns, zoom.taken)).float().cpu()
        if not total.numel():
            total = torch.zeros(*made.shape[:2], height * zoom.given, width * zoom.given)
            weights = torch.zeros(total.shape[-2:])
        down, across = (_ramp(side, tiles.overlap * zoom.given) for side in made.shape[-2:])
        weight = down[:, None] * across
        _cut(total, rows, columns, zoom.given).add_(made * weight)
        _cut(weights, rows, columns, zoom.given).add_(weight)
        on_tile()
    return total / weights


def run_blended(
    run: Callable[[Tensor], Tensor],
    x: Tensor,
    tiles: Tiles,
    zoom: Zoom,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Tensor:
    """The mean of what tiles of three shapes give: what one shape's borders show, the others do not.

    report: told how many of how many tiles are done.
    """
    size = [side // zoom.taken for side in x.shape[-2:]]
    total = sum(len(shape.places(*size)) for shape in tiles.shapes)
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        report(done, total)

    return torch.stack([run_tiled(run, x, shape, zoom, count) for shape in tiles.shapes]).mean(dim=0)


def _cut(x: Tensor, rows: slice, columns: slice, zoom: int) -> Tensor:
    """The tile as a view; `zoom` elements are a cell."""
    return x[..., rows.start * zoom : rows.stop * zoom, columns.start * zoom : columns.stop * zoom]


def _ramp(length: int, fade: int) -> Tensor:
    """Weights along one side: rising over `fade` elements to 1, then falling."""
    place = torch.arange(1.0, length + 1) / max(fade, 1)
    return place.clamp(max=1) * place.flip(0).clamp(max=1)


def run_within_memory(
    run: Callable[[Tiles | None], Tensor], plans: Iterable[Tiles | None], placement: Placement
) -> Tensor:
    """What `run` gives by the first plan that memory suffices for; None is: all at once.

    plans: at least one, each needing less than the one before. Raises what the last one failed with.
    """
    first, *others = plans
    try:
        return run(first)
    except (RuntimeError, MemoryError) as problem:
        if not others or not is_out_of_memory(problem):
            raise
        # Its frames hold the tensors that the next attempt needs the room of.
        problem.__traceback__ = None
    release_cached(placement)
    return run_within_memory(run, others, placement)
