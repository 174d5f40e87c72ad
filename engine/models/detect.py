"""Which family a file belongs to, told by its tensors' names and shapes alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from engine.errors import UnsupportedCheckpoint
from engine.models import sd1
from engine.models.family import Family, ModuleConfig, PartLayout
from engine.weights.shapes import Shapes, under

FAMILIES: tuple[Family, ...] = (sd1.FAMILY,)


@dataclass(frozen=True)
class DetectedPart:
    """One network in a file: below which prefix, with which configuration, holding how many numbers."""

    prefix: str
    config: ModuleConfig
    elements: int


@dataclass(frozen=True)
class Checkpoint:
    """A file that a family matches, with all of its parts."""

    family: Family
    unet: DetectedPart
    clip: DetectedPart
    vae: DetectedPart


def detect_checkpoint(shapes: Shapes, name: str, families: Sequence[Family] = FAMILIES) -> Checkpoint:
    """The checkpoint that a file with these tensors is; `name` is the file's, for messages.

    Raises UnsupportedCheckpoint unless exactly one family has all its traits and every part is whole.
    """
    matching = [family for family in families if all(trait.holds(shapes) for trait in family.traits)]
    if len(matching) != 1:
        raise UnsupportedCheckpoint(f"{name}: {_explain(shapes, families, matching)}")
    (family,) = matching
    return Checkpoint(
        family=family,
        unet=_detect_part(shapes, family.unet, f"{name}: the U-Net"),
        clip=_detect_part(shapes, family.clip, f"{name}: the text encoder"),
        vae=_detect_part(shapes, family.vae, f"{name}: the VAE"),
    )


def find_family(name: str, families: Sequence[Family] = FAMILIES) -> Family:
    """The family of that name. Raises KeyError."""
    for family in families:
        if family.name == name:
            return family
    raise KeyError(name)


def _explain(shapes: Shapes, families: Sequence[Family], matching: Sequence[Family]) -> str:
    if matching:
        return "fits several families: " + ", ".join(family.title for family in matching)
    missing = {family: [trait for trait in family.traits if not trait.holds(shapes)] for family in families}
    nearest = sorted(families, key=lambda family: len(missing[family]))[:3]
    reasons = (f"{family.title} ({missing[family][0].describe(shapes)})" for family in nearest)
    return f"no known family fits; nearest: {', '.join(reasons)}"


def _detect_part(shapes: Shapes, layout: PartLayout, title: str) -> DetectedPart:
    """The part, checked tensor by tensor against a module built from its configuration."""
    prefix = next((prefix for prefix in layout.prefixes if prefix + layout.marker in shapes), None)
    if prefix is None:
        raise UnsupportedCheckpoint(f"{title} is missing: there is no {layout.prefixes[0]}{layout.marker}")
    found = under(shapes, prefix)
    try:
        config = layout.config_from(found)
        with torch.device("meta"):
            module = config.build()
    except (KeyError, ValueError, RuntimeError, IndexError, ZeroDivisionError) as problem:
        raise UnsupportedCheckpoint(f"{title} has an unknown layout at {problem}") from problem
    _check_same(found, {key: tuple(value.shape) for key, value in module.state_dict().items()}, title)
    return DetectedPart(prefix, config, sum(parameter.numel() for parameter in module.parameters()))


def _check_same(found: Shapes, expected: Shapes, title: str) -> None:
    for key, shape in expected.items():
        if key not in found:
            raise UnsupportedCheckpoint(f"{title} lacks the tensor {key!r}")
        if found[key] != shape:
            raise UnsupportedCheckpoint(
                f"{title}: {key!r} has shape {list(found[key])} instead of {list(shape)}"
            )
    if strange := sorted(found.keys() - expected.keys()):
        raise UnsupportedCheckpoint(
            f"{title} has {len(strange)} unknown tensors, the first is {strange[0]!r}"
        )
