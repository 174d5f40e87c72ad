"""Where a module's tensors lie in files that name or arrange them otherwise than the module does."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

from engine.weights.shapes import Shape, Shapes


class Readable(Protocol):
    """An open file."""

    def read(self, name: str) -> Tensor:
        """The tensor of that name. Raises WeightsUnreadable."""
        ...


@dataclass(frozen=True)
class Source:
    """One tensor of a module as a file holds it. name: in the file.  shape: as the module wants it.

    `third` is the part of a matrix in which the file keeps queries, keys and values on top of each other.
    """

    name: str
    shape: Shape
    third: Literal[0, 1, 2] | None = None
    is_transposed: bool = False

    def arrange(self, stored: Tensor) -> Tensor:
        """A view of the file's tensor in the module's shape."""
        part = stored if self.third is None else stored.chunk(3)[self.third]
        return (part.mT if self.is_transposed else part).reshape(self.shape)


# From the file's names and shapes (below the part's prefix) to a source for each name of the module.
Layout = Callable[[Shapes], Mapping[str, Source]]


def as_is(shapes: Shapes) -> dict[str, Source]:
    """The layout of files that name everything as the module does."""
    return {name: Source(name, shape) for name, shape in shapes.items()}


def thirds(name: str, shape: Shape) -> Iterator[tuple[Literal[0, 1, 2], Source]]:
    """Queries, keys and values of a fused matrix or bias. Raises ValueError if it has no thirds."""
    rows, *rest = shape
    if rows % 3:
        raise ValueError(f"{name} with {rows} rows, which are no thirds")
    for third in (0, 1, 2):
        yield third, Source(name, (rows // 3, *rest), third=third)


def shapes_of(sources: Mapping[str, Source]) -> dict[str, Shape]:
    """The shapes under the module's names."""
    return {name: source.shape for name, source in sources.items()}
