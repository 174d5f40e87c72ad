"""Which tensors of a LoRA file belong together, told by how their names end.

Formats: kohya's LoRA and LyCORIS' LoCon, LoHa, LoKr, OFT, BOFT, GLoRA and full differences
(github.com/KohakuBlueleaf/LyCORIS), diffusers' and PEFT's LoRA, DoRA's scales. lora.py has the formulas.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from engine.weights.shapes import Shape, Shapes

Kind = Literal["lora", "loha", "lokr", "oft", "glora", "difference", "replacement"]
Parameter = Literal["weight", "bias"]

# How names end, and the role that such a tensor plays; where none stands here, it is the ending's own word.
_ENDINGS: tuple[tuple[str, str | None], ...] = (
    (r"\.lora_up\.weight|\.lora_B(\.default)?(\.weight)?", "up"),
    (r"\.lora_down\.weight|\.lora_A(\.default)?(\.weight)?", "down"),
    (r"(_lora|\.lora|\.lora_linear_layer)\.up\.weight", "up"),
    (r"(_lora|\.lora|\.lora_linear_layer)\.down\.weight", "down"),
    (r"\.lora_mid\.weight", "mid"),
    (r"\.lora_(up|B)\.bias", "diff_b"),
    (r"\.lora_magnitude_vector(\.default)?(\.weight)?", "dora_scale"),
    (r"\.oft_(blocks|diag)", "oft_blocks"),
    (r"\.(?P<role>a1|a2|b1|b2)\.weight", None),
    (r"\.(?P<role>hada_\w+|lokr_\w+|rescale|alpha|dora_scale|set_weight|diff|diff_b|w_norm|b_norm)", None),
)
_NAMES = tuple((re.compile(f"(?P<module>.+?)(?:{ending})"), role) for ending, role in _ENDINGS)

# Which roles make a change of which kind to which parameter; the last ones may be missing.
_FORMS: tuple[tuple[Kind, Parameter, str, str], ...] = (
    ("lora", "weight", "up down", "mid alpha dora_scale"),
    ("loha", "weight", "hada_w1_a hada_w1_b hada_w2_a hada_w2_b", "hada_t1 hada_t2 alpha dora_scale"),
    ("lokr", "weight", "lokr_w1 lokr_w2", "alpha dora_scale"),
    ("lokr", "weight", "lokr_w1 lokr_w2_a lokr_w2_b", "lokr_t2 alpha dora_scale"),
    ("lokr", "weight", "lokr_w1_a lokr_w1_b lokr_w2", "alpha dora_scale"),
    ("lokr", "weight", "lokr_w1_a lokr_w1_b lokr_w2_a lokr_w2_b", "lokr_t2 alpha dora_scale"),
    ("glora", "weight", "a1 a2 b1 b2", "alpha dora_scale"),
    ("oft", "weight", "oft_blocks", "rescale alpha"),
    ("difference", "weight", "diff", ""),
    ("difference", "bias", "diff_b", ""),
    ("difference", "weight", "w_norm", ""),
    ("difference", "bias", "b_norm", ""),
    ("replacement", "weight", "set_weight", ""),
)


@dataclass(frozen=True)
class Change:
    """How a file changes one tensor. target: the tensor's name in the module.  tensors: (role, name in the
    file).
    """

    target: str
    kind: Kind
    tensors: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Part:
    """A change whose module is only named as the file names it."""

    name: str
    kind: Kind
    parameter: Parameter
    tensors: tuple[tuple[str, str], ...]

    def at(self, module: str) -> Change:
        """The change, now that the module is known."""
        return Change(f"{module}.{self.parameter}", self.kind, self.tensors)


def find_parts(names: Iterable[str]) -> tuple[list[Part], list[str]]:
    """The changes that a file holds, and the names of tensors that belong to none."""
    modules: defaultdict[str, dict[str, str]] = defaultdict(dict)
    strange: list[str] = []
    for name in names:
        found = _read_name(name)
        if found is None:
            strange.append(name)
        else:
            modules[found[0]][found[1]] = name
    parts = [part for module, roles in modules.items() for part in _parts_of(module, roles)]
    used = {name for part in parts for _, name in part.tensors}
    return parts, strange + [
        name for roles in modules.values() for name in roles.values() if name not in used
    ]


def _read_name(name: str) -> tuple[str, str] | None:
    """(module, role) of a tensor."""
    for ending, role in _NAMES:
        if match := ending.fullmatch(name):
            return _tidy(match["module"]), role or match["role"]
    return None


def _tidy(module: str) -> str:
    """diffusers' first format named attention's processors, and the output layer without its number."""
    tidy = module.replace(".processor.to_", ".to_").removeprefix("base_model.model.")
    return f"{tidy}.0" if tidy.endswith(".to_out") else tidy


def _parts_of(module: str, roles: Mapping[str, str]) -> list[Part]:
    return [
        Part(module, kind, parameter, tuple((role, roles[role]) for role in chosen if role in roles))
        for kind, parameter, needed, more in _FORMS
        if all(role in roles for role in needed.split())
        for chosen in [[*needed.split(), *more.split()]]
    ]


def find_misfit(change: Change, shapes: Shapes, shape: Shape) -> str | None:
    """Why a plain LoRA or difference cannot change a tensor of that shape, told by the file's header; None
    for a fit and for the kinds whose shapes tell less.
    """
    tensors = {role: shapes[name] for role, name in change.tensors}
    if change.kind == "lora":
        up, down = tensors["up"], tensors["down"]
        size = up[0] * math.prod(down[1:]) * (math.prod(tensors["mid"][2:]) if "mid" in tensors else 1)
        found = [up[0], *down[1:]]
    elif change.kind in ("difference", "replacement"):
        (only,) = tensors.values()
        size, found = math.prod(only), list(only)
    else:
        return None
    return None if size == math.prod(shape) else f"{found} where {change.target!r} is {list(shape)}"
