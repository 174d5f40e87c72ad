"""Nodes that change a model and its text encoders by a LoRA file. Only the file's header is read here."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from engine.errors import BadInput
from engine.graph.context import Context
from engine.graph.kinds import Clip, FileChoice, FloatWidget, Model, Tip
from engine.graph.spec import node
from engine.models.detect import find_family
from engine.models.lora_modules import TEXT_STARTS, text_aliases, unet_aliases
from engine.residency.handle import Handle, Lora, WeightsFile
from engine.residency.weights import sources_of
from engine.weights.header import Header, read_header
from engine.weights.layout import shapes_of
from engine.weights.lora_names import Change, find_misfit, find_parts
from engine.weights.shapes import Shape

# Textual inversions that some trainers put into the same file.
_BUNDLED = "bundle_emb."

logger = logging.getLogger(__name__)

LoraName = Annotated[str, FileChoice("loras")]
ModelStrength = Annotated[
    float, FloatWidget(-100.0, 100.0, step=0.01), Tip("1 is as it was trained; below 0 turns it round.")
]
ClipStrength = Annotated[
    float, FloatWidget(-100.0, 100.0, step=0.01), Tip("The same for the text encoder's part.")
]


@node("LoraLoader", category="loaders", title="Load LoRA")
def lora_loader(
    *,
    model: Model,
    clip: Clip,
    lora_name: LoraName,
    strength_model: ModelStrength = 1.0,
    strength_clip: ClipStrength = 1.0,
    ctx: Context,
) -> tuple[Model, Clip]:
    """Adds a LoRA's changes to the network and to the text encoder; any number can follow each other."""
    if strength_model == 0 and strength_clip == 0:
        return model, clip
    handles = (model.handle, *encoders_of(clip))
    lora = _match(read_header(ctx.models.resolve("loras", lora_name)), handles)
    strengths = (strength_model, *(strength_clip for _ in handles[1:]))
    unet, *texts = (lora.on(handle, strength) for handle, strength in zip(handles, strengths, strict=True))
    return _with_unet(model, unet), with_encoders(clip, texts)


@node("LoraLoaderModelOnly", category="loaders", title="LoraLoaderModelOnly")
def lora_loader_model_only(
    *, model: Model, lora_name: LoraName, strength_model: ModelStrength = 1.0, ctx: Context
) -> Model:
    """Adds a LoRA's changes to the network alone."""
    if strength_model == 0:
        return model
    lora = _match(read_header(ctx.models.resolve("loras", lora_name)), (model.handle,))
    return _with_unet(model, lora.on(model.handle, strength_model))


def encoders_of(clip: Clip) -> tuple[Handle, ...]:
    """One handle or two, in the family's order."""
    return (clip.handle,) if clip.second is None else (clip.handle, clip.second)


def with_encoders(clip: Clip, handles: list[Handle]) -> Clip:
    """The same text encoders with other weights."""
    first, *more = handles
    second = more[0] if more else None
    return (
        clip if (first, second) == (clip.handle, clip.second) else replace(clip, handle=first, second=second)
    )


def _with_unet(model: Model, handle: Handle) -> Model:
    return model if handle == model.handle else replace(model, handle=handle)


@dataclass(frozen=True)
class _Matched:
    """What a file changes in each of the modules at hand."""

    file: WeightsFile
    changes: Mapping[Handle, tuple[Change, ...]]

    def on(self, handle: Handle, strength: float) -> Handle:
        """The module with the changes, itself where there are none."""
        changes = self.changes[handle]
        return handle.patched(Lora(self.file, changes, strength)) if changes and strength else handle


def _match(header: Header, handles: tuple[Handle, ...]) -> _Matched:
    """The file's changes, sorted to the modules they are for.

    Raises BadInput where nothing fits. What fits nothing while the rest does is told in the log.
    """
    file, family = header.path.name, find_family(handles[0].family)
    parts, strange = find_parts(header.tensors)
    spellings = {handle: _aliases(handle, place) for place, handle in enumerate(handles[1:])}
    spellings[handles[0]] = unet_aliases(sources_of(handles[0]))
    shapes = {handle: shapes_of(sources_of(handle)) for handle in handles}
    changes: dict[Handle, list[Change]] = {handle: [] for handle in handles}
    for part in parts:
        places = [(handle, known[part.name]) for handle, known in spellings.items() if part.name in known]
        fitting = [(handle, part.at(module)) for handle, module in places]
        fitting = [(handle, change) for handle, change in fitting if change.target in shapes[handle]]
        for handle, change in fitting:
            _check_fit(header, change, handle, shapes[handle][change.target])
            changes[handle].append(change)
        strange += [] if fitting else [name for _, name in part.tensors]
    if not any(changes.values()):
        first = strange[0] if strange else next(iter(header.tensors))
        raise BadInput(
            f"{file}: none of its tensors changes a module of {handles[0].path.name} ({family.title});"
            f" the first is {first!r}"
        )
    has_text = len(handles) > 1
    left = [
        name
        for name in strange
        if not name.startswith(_BUNDLED) and (has_text or not name.startswith(TEXT_STARTS))
    ]
    if left:
        logger.warning(
            "%s: %d tensors fit nothing in %s, the first is %r", file, len(left), family.title, left[0]
        )
    return _Matched(WeightsFile.at(header.path), {handle: tuple(found) for handle, found in changes.items()})


def _aliases(handle: Handle, place: int) -> dict[str, str]:
    texts = find_family(handle.family).texts
    return text_aliases(sources_of(handle), place, texts[place].name, is_sole=len(texts) == 1)


def _check_fit(header: Header, change: Change, handle: Handle, shape: Shape) -> None:
    """Raises BadInput for a change of another size than its tensor: the file is for another family then."""
    if misfit := find_misfit(change, header.shapes, shape):
        title = find_family(handle.family).title
        raise BadInput(f"{header.path.name} was not made for {title}: it changes {misfit}")
