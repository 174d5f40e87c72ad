"""Which family a file belongs to, told by its tensors' names and shapes alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from engine.errors import UnsupportedCheckpoint
from engine.models import sd1, sd2, sdxl, sdxl_refiner
from engine.models.family import Family, ModuleConfig, PartLayout, Place
from engine.models.known import find_known_denoiser, find_known_part
from engine.models.parts import UNET
from engine.weights.layout import Layout, Source, as_is, shapes_of
from engine.weights.shapes import Shapes, under

T = TypeVar("T")

FAMILIES: tuple[Family, ...] = (sd1.FAMILY, sd2.FAMILY, sdxl.FAMILY, sdxl_refiner.FAMILY)


@dataclass(frozen=True)
class DetectedPart:
    """One network in a file: below which prefix, in which layout and configuration, of how many numbers."""

    prefix: str
    config: ModuleConfig
    elements: int
    layout: Layout = as_is


@dataclass(frozen=True)
class Checkpoint:
    """A file that a family matches, with all of its parts; `texts` are in the family's order."""

    family: Family
    unet: DetectedPart
    texts: tuple[DetectedPart, ...]
    vae: DetectedPart


def detect_checkpoint(shapes: Shapes, name: str, families: Sequence[Family] = FAMILIES) -> Checkpoint:
    """The checkpoint that a file with these tensors is; `name` is the file's, for messages.

    Raises UnsupportedCheckpoint unless exactly one family has all its traits and every part is whole.
    """
    family, unet = detect_denoiser(shapes, name, families)
    return Checkpoint(
        family=family,
        unet=unet,
        texts=tuple(detect_part(shapes, text.part, f"{name}: the text encoder") for text in family.texts),
        vae=detect_part(shapes, family.vae, f"{name}: the VAE"),
    )


def detect_denoiser(
    shapes: Shapes, name: str, families: Sequence[Family] = FAMILIES
) -> tuple[Family, DetectedPart]:
    """The family and the denoising network, in a checkpoint or in a file of its own.

    Raises UnsupportedCheckpoint.
    """
    found = _in_our_names(shapes, UNET, name)
    matching = [family for family in families if not _broken_traits(family, found, shapes)]
    if len(matching) != 1:
        raise UnsupportedCheckpoint(f"{name}: {_explain(shapes, found, families, matching)}")
    (family,) = matching
    return family, detect_part(shapes, family.unet, f"{name}: the U-Net")


def find_family(name: str, families: Sequence[Family] = FAMILIES) -> Family:
    """The family of that name. Raises KeyError."""
    for family in families:
        if family.name == name:
            return family
    raise KeyError(name)


def detect_part(shapes: Shapes, layout: PartLayout, title: str) -> DetectedPart:
    """The part, checked tensor by tensor against a module built from its configuration.

    `title` names file and part in messages. Raises UnsupportedCheckpoint.
    """
    place = find_place(shapes, layout)
    if place is None:
        first = layout.places[0]
        raise UnsupportedCheckpoint(f"{title} is missing: there is no {first.prefix}{first.marker}")
    sources = _understand(lambda: place.layout(under(shapes, place.prefix)), title)
    found = shapes_of(sources)
    config = _understand(lambda: layout.config_from(found), title)

    def build() -> tuple[dict[str, tuple[int, ...]], int]:
        with torch.device("meta"):
            state = config.build().state_dict()
        return {key: tuple(value.shape) for key, value in state.items()}, sum(
            value.numel() for value in state.values()
        )

    expected, elements = _understand(build, title)
    _check_same(sources, expected, title)
    return DetectedPart(place.prefix, config, elements, place.layout)


def find_place(shapes: Shapes, layout: PartLayout) -> Place | None:
    """The first place of the part whose marker the file has."""
    return next((place for place in layout.places if place.prefix + place.marker in shapes), None)


def _in_our_names(shapes: Shapes, layout: PartLayout, name: str) -> Shapes:
    place = find_place(shapes, layout)
    if place is None:
        return {}
    sources = _understand(lambda: place.layout(under(shapes, place.prefix)), f"{name}: the U-Net")
    return shapes_of(sources)


def _understand(read: Callable[[], T], title: str) -> T:
    """What `read` gives; whatever a strange file makes it stumble over becomes the verdict on the file."""
    try:
        return read()
    except (KeyError, ValueError, RuntimeError, IndexError, ZeroDivisionError) as problem:
        raise UnsupportedCheckpoint(f"{title} has an unknown layout at {problem}") from problem


def _broken_traits(family: Family, network: Shapes, file: Shapes) -> list[str]:
    """Why the file is not of this family, in the order of its traits; empty if it is."""
    pairs = [(trait, network) for trait in family.traits] + [(trait, file) for trait in family.home]
    return [trait.describe(shapes) for trait, shapes in pairs if not trait.holds(shapes)]


def _explain(shapes: Shapes, network: Shapes, families: Sequence[Family], matching: Sequence[Family]) -> str:
    if matching:
        return "fits several families: " + ", ".join(family.title for family in matching)
    if part := find_known_part(shapes):
        return f"known, and no checkpoint or denoising network: {part}"
    if known := find_known_denoiser(shapes):
        return f"known, not supported yet: {known}"
    broken = {family.title: _broken_traits(family, network, shapes) for family in families}
    nearest = sorted(broken, key=lambda title: len(broken[title]))[:3]
    reasons = ", ".join(f"{title} ({broken[title][0]})" for title in nearest)
    return f"no known family fits; nearest: {reasons}"


def _check_same(found: Mapping[str, Source], expected: Shapes, title: str) -> None:
    for key, shape in expected.items():
        if key not in found:
            raise UnsupportedCheckpoint(f"{title} lacks the tensor {key!r}")
        source = found[key]
        if source.shape != shape:
            raise UnsupportedCheckpoint(
                f"{title}: {source.name!r} has shape {list(source.shape)} instead of {list(shape)}"
            )
    if strange := sorted(found[key].name for key in found.keys() - expected.keys()):
        raise UnsupportedCheckpoint(
            f"{title} has {len(strange)} unknown tensors, the first is {strange[0]!r}"
        )
