"""What a model family is: its parts and where they lie in a file, and the constants that no tensor shows."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import nn

from engine.graph.kinds import Parametrisation
from engine.weights.layout import Layout, as_is
from engine.weights.shapes import Shape, Shapes

# What a family's vector conditioning says beside the pooled text: original size, crop and target size, or
# original size, crop and an aesthetic score.
VectorKind = Literal["sizes", "score"]
EncoderName = Literal["clip_l", "clip_g", "clip_h"]
NOISE = Parametrisation("eps")


class ModuleConfig(Hashable, Protocol):
    """A frozen configuration of one network."""

    def build(self) -> nn.Module:
        """The module; its attribute names are the released file's, or those that the layout gives."""
        ...


@dataclass(frozen=True)
class Place:
    """Where a network may lie: below `prefix`, if `marker` is there, arranged by `layout`."""

    prefix: str
    marker: str
    layout: Layout = as_is


@dataclass(frozen=True)
class PartLayout:
    """One network of a family; it lies at the first of `places` whose marker is found."""

    places: tuple[Place, ...]
    config_from: Callable[[Shapes], ModuleConfig]


@dataclass(frozen=True)
class TextPart:
    """One text encoder and how the family uses it.

    name: what files call it.  pad: the token after the end mark.
    layer: whose hidden states the denoiser is given, -1 the last.
    is_normed: whether they go through the encoder's final norm.
    """

    name: EncoderName
    part: PartLayout
    pad: int
    layer: int
    is_normed: bool


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
    """A tensor that tells families apart: its full name, and its shape where None stands for any size and a
    tuple for one of several.

    `shape` None: the family has no such tensor.
    """

    name: str
    shape: tuple[int | tuple[int, ...] | None, ...] | None

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
        wanted = ", ".join(_say(size) for size in self.shape)
        return f"{self.name!r} has shape {list(found)} instead of [{wanted}]"


def _fits(size: int, wanted: int | tuple[int, ...] | None) -> bool:
    return wanted is None or size == wanted or (isinstance(wanted, tuple) and size in wanted)


def _say(wanted: int | tuple[int, ...] | None) -> str:
    if wanted is None:
        return "any"
    return " or ".join(map(str, wanted)) if isinstance(wanted, tuple) else str(wanted)


@dataclass(frozen=True)
class Family:
    """One kind of checkpoint. `name` is stable (it stands in records), `title` is for people.

    `traits` hold for the denoising network alone, wherever it lies; `home` for whole checkpoints: where their
    text encoders are. Latents of several text encoders stand side by side in the denoiser's context.
    `memory`: of a call of the network, a latent cell, as a multiple of what SD 1 takes.
    """

    name: str
    title: str
    traits: tuple[Trait, ...]
    home: tuple[Trait, ...]
    unet: PartLayout
    texts: tuple[TextPart, ...]
    vae: PartLayout
    latent: LatentFormat
    parametrisation: Parametrisation = NOISE
    vector: VectorKind | None = None
    memory: float = 1.0
