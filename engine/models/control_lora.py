"""Control-LoRA (Stability AI 2023, huggingface.co/stabilityai/control-lora): a ControlNet as the difference,
of low rank, from the U-Net that it controls.

Where a ControlNet's file has NAME.weight, this has NAME.up and NAME.down, or nothing: then the U-Net's
counts.
"""

from collections.abc import Mapping
from itertools import chain

import torch

from engine.models import controlnet
from engine.models.family import PartLayout, Place
from engine.models.sd_unet import DownHalf, half_config_from
from engine.weights.layout import Source
from engine.weights.lora_names import Change
from engine.weights.shapes import Shape, Shapes

# A tensor that only tells files of this kind.
MARK = "lora_controlnet"
_UP, _DOWN = ".up", ".down"


def changes(shapes: Shapes) -> tuple[Change, ...]:
    """What the file adds to the U-Net's weights."""
    return tuple(
        Change(f"{stem}.weight", "lora", (("up", stem + _UP), ("down", stem + _DOWN)))
        for stem in _pairs(shapes)
    )


def layout(shapes: Shapes) -> dict[str, Source]:
    """Sources for those tensors of a `ControlNet` that the file has whole."""
    pairs = {name for stem in _pairs(shapes) for name in (stem + _UP, stem + _DOWN)}
    return {name: Source(name, shape) for name, shape in shapes.items() if name not in pairs | {MARK}}


def completed(shapes: Shapes) -> dict[str, Source]:
    """Sources for all tensors of a `ControlNet`, as if the file had those that it changes or lacks."""
    known = {name: source.shape for name, source in layout(shapes).items()} | {
        f"{stem}.weight": _product(shapes[stem + _UP], shapes[stem + _DOWN]) for stem in _pairs(shapes)
    }
    with torch.device("meta"):
        half = DownHalf(half_config_from(known)).state_dict()
    unet = {name: tuple(tensor.shape) for name, tensor in half.items()}
    return {name: Source(name, shape) for name, shape in chain(unet.items(), known.items())}


def _pairs(shapes: Mapping[str, Shape]) -> list[str]:
    stems = [name.removesuffix(_UP) for name in shapes if name.endswith(_UP)]
    return [stem for stem in stems if stem + _DOWN in shapes]


def _product(up: Shape, down: Shape) -> Shape:
    """Of up (out, r) or (out, r, 1, 1) and down (r, in) or (r, in, h, w). Raises ValueError."""
    if up[1] != down[0]:
        raise ValueError(f"factors of shape {list(up)} and {list(down)}")
    return (up[0], *down[1:])


PART = PartLayout((Place("", MARK, completed),), controlnet.config_from)
