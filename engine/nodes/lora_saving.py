"""The node that makes a LoRA file of a difference between two models."""

from collections.abc import Iterator
from typing import Annotated, Literal

import torch
from torch import Tensor

from engine.errors import BadInput
from engine.graph.context import Context
from engine.graph.kinds import Clip, FilePrefix, IntWidget, Model, Tip
from engine.graph.spec import node
from engine.models.detect import find_family
from engine.nodes.lora import encoders_of
from engine.nodes.model_saving import save_tensors
from engine.residency.handle import Handle
from engine.residency.weights import open_weights

Rank = Annotated[int, IntWidget(1, 4096, step=1), Tip("Higher is larger and nearer to the difference.")]


@node("LoraSave", category="_for_testing", title="Extract and Save Lora", is_output=True)
def lora_save(
    *,
    filename_prefix: FilePrefix = "loras/ComfyUI_extracted_lora",
    rank: Rank = 8,
    lora_type: Literal["standard", "full_diff"],
    bias_diff: bool = True,
    model_diff: Annotated[Model, Tip("What ModelMergeSubtract gives.")] | None = None,
    text_encoder_diff: Annotated[Clip, Tip("What CLIPMergeSubtract gives.")] | None = None,
    ctx: Context,
) -> None:
    """Writes a difference of models as a LoRA: each matrix's nearest of the rank, or all of it."""
    sources: list[tuple[str, Handle]] = []
    if model_diff is not None:
        sources.append(("diffusion_model.", model_diff.handle))
    if text_encoder_diff is not None:
        texts = find_family(text_encoder_diff.handle.family).texts
        pairs = zip(texts, encoders_of(text_encoder_diff), strict=True)
        sources += [(f"text_encoders.{text.name}.transformer.", handle) for text, handle in pairs]
    if not sources:
        raise BadInput("nothing to save: neither model_diff nor text_encoder_diff is connected")
    chosen = rank if lora_type == "standard" else None
    tensors: dict[str, Tensor] = {}
    for prefix, handle in sources:
        for name, difference in _differences(handle, ctx):
            if difference.ndim > 1 or bias_diff:
                tensors |= _describe(prefix + _module_name(handle, name), difference, chosen)
    if not tensors:
        raise BadInput("nothing to save: the difference is zero everywhere")
    save_tensors(tensors, filename_prefix, ctx)


def _differences(handle: Handle, ctx: Context) -> Iterator[tuple[str, Tensor]]:
    """All tensors that are not zero, float32 on the device."""
    device = ctx.pool.placement.device
    with open_weights(handle, device) as weights:
        for name in weights.sources:
            ctx.check_cancelled()
            difference = weights.read(name).to(device).float()
            if difference.any():
                yield name, difference


def _module_name(handle: Handle, name: str) -> str:
    """As LoRA files name it: transformers' outer name stands before what an encoder has."""
    is_outer = handle.part == "clip" and not name.startswith("text_projection")
    return f"text_model.{name}" if is_outer else name


def _describe(name: str, difference: Tensor, rank: int | None) -> dict[str, Tensor]:
    """The tensors that say `difference`, in half precision; `rank` None: all of it."""
    module, _, parameter = name.rpartition(".")
    if parameter == "bias":
        return {f"{module}.diff_b": _stored(difference)}
    if difference.ndim < 2 or rank is None:
        return {f"{module}.diff": _stored(difference)}
    up, down = nearest_of_rank(difference, rank)
    return {f"{module}.lora_up.weight": _stored(up), f"{module}.lora_down.weight": _stored(down)}


def nearest_of_rank(difference: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """(up, down) whose product is the nearest of that rank (Eckart and Young 1936), shaped as LoRA's of a
    matrix (out, in) or a kernel (out, in, h, w).
    """
    u, s, vh = torch.linalg.svd(difference.flatten(1), full_matrices=False)
    # Halves of the size on either side keep both in half precision's range.
    root = s[:rank].sqrt()
    up, down = u[:, :rank] * root, root[:, None] * vh[:rank]
    ones = (1,) * (difference.ndim - 2)
    return up.reshape(*up.shape, *ones), down.reshape(len(down), *difference.shape[1:])


def _stored(tensor: Tensor) -> Tensor:
    return tensor.half().cpu().contiguous()
