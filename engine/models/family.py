"""What a model family is: its parts and where they lie in a file, and the constants that no tensor shows."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import nn

from engine.weights.shapes import Shape, Shapes

Prediction = Literal["eps"]


class ModuleConfig(Hashable, Protocol):
    """A frozen configuration of one network."""

    def build(self) -> nn.Module:
        """The module, its attribute names equal to the file's key names."""
        ...


@dataclass(frozen=True)
class PartLayout:
    """One network of a family; the first of `prefixes` below which `marker` is found is where it lies."""

    prefixes: tuple[str, ...]
    marker: str
    config_from: Callable[[Shapes], ModuleConfig]


@dataclass(frozen=True)
class LatentFormat:
    """How latents of the VAE enter the denoiser: (latent - shift) * scale. `factor`: pixels per element, a
    side.
    """

    channels: int
    factor: int
    scale: float
    shift: float = 0.0


@dataclass(frozen=True)
class Trait:
    """A tensor that tells families apart: its full name, and its shape where None stands for any size.

    `shape` None: the family has no such tensor.
    """

    name: str
    shape: tuple[int | None, ...] | None

    def holds(self, shapes: Shapes) -> bool:
        """Whether a file with these tensors has the trait."""
        found = shapes.get(self.name)
        if self.shape is None or found is None:
            return self.shape is None and found is None
        return len(found) == len(self.shape) and all(
            _fits(*pair) for pair in zip(found, self.shape, strict=True)
        )

    def describe(self, shapes: Shapes) -> str:
        """Why the trait does not hold."""
        found: Shape | None = shapes.get(self.name)
        if self.shape is None:
            return f"it has {self.name!r}"
        if found is None:
            return f"it lacks {self.name!r}"
        wanted = ", ".join("any" if size is None else str(size) for size in self.shape)
        return f"{self.name!r} has shape {list(found)} instead of [{wanted}]"


def _fits(size: int, wanted: int | None) -> bool:
    return wanted is None or size == wanted


@dataclass(frozen=True)
class Family:
    """One kind of checkpoint. `name` is stable (it stands in records), `title` is for people."""

    name: str
    title: str
    traits: tuple[Trait, ...]
    unet: PartLayout
    clip: PartLayout
    vae: PartLayout
    prediction: Prediction
    latent: LatentFormat
