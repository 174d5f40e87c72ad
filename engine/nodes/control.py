"""Nodes that let a picture of edges, depth or poses control what is drawn."""

from dataclasses import replace
from typing import Annotated, Literal, TypeAlias, get_args

from engine.errors import BadInput, UnsupportedCheckpoint
from engine.graph.context import Context
from engine.graph.kinds import (
    Conditioning,
    ControlHint,
    ControlNetwork,
    FileChoice,
    FloatWidget,
    Image,
    Model,
    Tip,
    Vae,
)
from engine.graph.spec import node
from engine.models import control_lora, controlnet, t2i_adapter, t2i_adapter_light
from engine.models.detect import detect_part, find_place
from engine.models.known import find_known_denoiser, find_known_part
from engine.nodes.control_hints import check_fit
from engine.nodes.model_files import handle_of
from engine.residency.handle import Lora, Mix, Share
from engine.weights.header import read_header

ControlNetName = Annotated[str, FileChoice("controlnet")]
Strength = Annotated[float, FloatWidget(0.0, 10.0, step=0.01)]
Percent = Annotated[float, FloatWidget(0.0, 1.0, step=0.001)]
UnusedVae = Annotated[Vae, Tip("For control networks that see latents; these see pixels.")]

# The release of the one network that was trained to see a picture's colours and nothing of their places; its
# tensors do not tell.
_POOLED_ENDINGS = ("_shuffle", "_shuffle_fp16")
# Marks files of differences.
_DIFFERENCE = "difference"
# Light adapters before the others: in diffusers' names they share the tensor that tells those.
_PARTS = (control_lora.PART, controlnet.PART, t2i_adapter_light.PART, t2i_adapter.PART)
_AUTO = "auto"
# In the order in which the release numbers them.
UnionType: TypeAlias = Literal[
    "auto",
    "openpose",
    "depth",
    "hed/pidi/scribble/ted",
    "canny/lineart/anime_lineart/mlsd",
    "normal",
    "segment",
    "tile",
    "repaint",
]


@node("ControlNetLoader", category="loaders", title="Load ControlNet Model")
def control_net_loader(*, control_net_name: ControlNetName, ctx: Context) -> ControlNetwork:
    """Loads a ControlNet, a Control-LoRA or a T2I-Adapter, in the released or in diffusers' layout."""
    network, is_difference = _load(control_net_name, ctx)
    if is_difference:
        raise BadInput(
            f"{control_net_name} holds differences from a network's weights: load it with"
            " Load ControlNet Model (diff), which is given the network"
        )
    return network


@node("DiffControlNetLoader", category="loaders", title="Load ControlNet Model (diff)")
def diff_control_net_loader(
    *, model: Model, control_net_name: ControlNetName, ctx: Context
) -> ControlNetwork:
    """Loads a ControlNet that is stored as the difference from the model's network; others as they are."""
    network, is_difference = _load(control_net_name, ctx)
    if not is_difference:
        return network
    check_fit(network, model)
    # What the network has no counterpart of, the file holds whole.
    added = Mix(model.handle, (Share("", 1.0, 1.0),))
    return replace(network, handle=network.handle.patched(added))


def _load(name: str, ctx: Context) -> tuple[ControlNetwork, bool]:
    """The network, and whether the file holds differences."""
    path = ctx.models.resolve("controlnet", name)
    shapes = read_header(path).shapes
    part = next((part for part in _PARTS if find_place(shapes, part)), None)
    if part is None:
        known = find_known_part(shapes) or find_known_denoiser(shapes) or "of no known kind"
        raise UnsupportedCheckpoint(
            f"{path.name} is no ControlNet or T2I-Adapter for a U-Net; it is: {known}"
        )
    detected = detect_part(shapes, part, f"{path.name}: the control network")
    if part is control_lora.PART:
        handle = handle_of(path, "control", "control", replace(detected, layout=control_lora.layout))
        return ControlNetwork(
            handle.patched(Lora(handle.file, control_lora.changes(shapes), 1.0)), is_partial=True
        ), False
    network = ControlNetwork(
        handle_of(path, "control", "control", detected), is_pooled=path.stem.endswith(_POOLED_ENDINGS)
    )
    return network, _DIFFERENCE in shapes


@node("SetUnionControlNetType", category="conditioning/controlnet")
def set_union_control_net_type(
    *, control_net: ControlNetwork, type: Annotated[UnionType, Tip("The kind of picture.")]
) -> ControlNetwork:
    """Tells a network of several tasks what kind of picture it is shown; others take no notice."""
    tasks = [name for name in get_args(UnionType) if name != _AUTO]
    return replace(control_net, task=None if type == _AUTO else tasks.index(type))


@node("ControlNetApply", category="conditioning/controlnet", title="Apply ControlNet (OLD)")
def control_net_apply(
    *, conditioning: Conditioning, control_net: ControlNetwork, image: Image, strength: Strength = 1.0
) -> Conditioning:
    """Controls the picture, on the negative side as well where that has no control of its own."""
    if strength == 0:
        return conditioning
    hint = ControlHint(control_net, image.pixels, strength, is_for_all=True)
    (controlled,) = _apply(hint, conditioning)
    return controlled


@node(
    "ControlNetApplyAdvanced",
    category="conditioning/controlnet",
    title="Apply ControlNet",
    output_names=("positive", "negative"),
)
def control_net_apply_advanced(
    *,
    positive: Conditioning,
    negative: Conditioning,
    control_net: ControlNetwork,
    image: Image,
    strength: Strength = 1.0,
    start_percent: Percent = 0.0,
    end_percent: Percent = 1.0,
    vae: UnusedVae | None = None,
) -> tuple[Conditioning, Conditioning]:
    """Controls both sides, on a part of the way from noise (0) to picture (1)."""
    if strength == 0:
        return positive, negative
    hint = ControlHint(control_net, image.pixels, strength, start_percent, end_percent)
    controlled_positive, controlled_negative = _apply(hint, positive, negative)
    return controlled_positive, controlled_negative


def _apply(hint: ControlHint, *sides: Conditioning) -> list[Conditioning]:
    """The sides with the hint after those that they have; what was one hint stays one."""
    previous = {id(entry.control): entry.control for side in sides for entry in side.entries}
    hints = {key: replace(hint, previous=before) for key, before in previous.items()}
    return [
        Conditioning(tuple(replace(entry, control=hints[id(entry.control)]) for entry in side.entries))
        for side in sides
    ]
