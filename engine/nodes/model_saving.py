"""Nodes that write models, with all that was changed in them, as files that carry the workflow."""

from collections.abc import Mapping
from datetime import datetime

import torch
from safetensors.torch import save
from torch import Tensor

from engine.errors import BadInput
from engine.graph.context import Context
from engine.graph.events import OutputFile
from engine.graph.kinds import Clip, FilePrefix, Model, Vae
from engine.graph.spec import node
from engine.models import open_clip
from engine.models.detect import find_family
from engine.models.family import Place
from engine.models.kl_vae import KlVaeConfig
from engine.models.taesd import SCALE, SHIFT, TaesdConfig
from engine.models.variant import marks_of
from engine.nodes.denoising import parametrisation_of
from engine.nodes.lora import encoders_of
from engine.nodes.naming import expand_prefix
from engine.nodes.pictures import write_metadata
from engine.residency.handle import Handle
from engine.residency.weights import Weights, open_weights

_MERGING = "advanced/model_merging"


@node("CheckpointSave", category=_MERGING, title="Save Checkpoint", is_output=True)
def checkpoint_save(
    *,
    model: Model,
    clip: Clip,
    vae: Vae,
    filename_prefix: FilePrefix = "checkpoints/ComfyUI",
    ctx: Context,
) -> None:
    """Writes network, text encoder and VAE as one checkpoint, in the layout of the family's releases."""
    family = find_family(model.handle.family)
    if clip.handle.family != family.name:
        title = find_family(clip.handle.family).title
        raise BadInput(f"a checkpoint of {family.title} needs its own text encoder, not one of {title}")
    if not isinstance(vae.handle.config, KlVaeConfig):
        raise BadInput(f"a checkpoint holds a whole VAE; {vae.handle.path.name} is of a tiny one")
    tensors = _unet_tensors(model, ctx)
    for handle, text in zip(encoders_of(clip), family.texts, strict=True):
        tensors |= _in_released_layout(_read(handle, ctx), text.part.places[0])
    tensors |= _in_released_layout(_read(vae.handle, ctx), family.vae.places[0])
    save_tensors(tensors, filename_prefix, ctx, marks_of(parametrisation_of(model))[1])


@node("ModelSave", category=_MERGING, title="ModelSave", is_output=True)
def model_save(
    *, model: Model, filename_prefix: FilePrefix = "diffusion_models/ComfyUI", ctx: Context
) -> None:
    """Writes the network alone, for Load Diffusion Model."""
    save_tensors(_unet_tensors(model, ctx), filename_prefix, ctx, marks_of(parametrisation_of(model))[1])


@node("CLIPSave", category=_MERGING, title="CLIPSave", is_output=True)
def clip_save(*, clip: Clip, filename_prefix: FilePrefix = "clip/ComfyUI", ctx: Context) -> None:
    """Writes each text encoder as a file of its own, in transformers' layout."""
    family = find_family(clip.handle.family)
    for handle, text in zip(encoders_of(clip), family.texts, strict=True):
        tensors = {
            name if name.startswith("text_projection") else f"text_model.{name}": tensor
            for name, tensor in _read(handle, ctx).items()
        }
        save_tensors(tensors, f"{filename_prefix}_{text.name}", ctx)


@node("VAESave", category=_MERGING, title="VAESave", is_output=True)
def vae_save(*, vae: Vae, filename_prefix: FilePrefix = "vae/ComfyUI_vae", ctx: Context) -> None:
    """Writes the VAE as a file of its own."""
    save_tensors(_vae_tensors(vae.handle, ctx), filename_prefix, ctx)


def _vae_tensors(handle: Handle, ctx: Context) -> dict[str, Tensor]:
    """What Load VAE takes: of a tiny VAE both its networks, and how its latents are scaled."""
    tensors = _read(handle, ctx)
    if isinstance(handle.config, TaesdConfig):
        tensors |= _read(handle.rest, ctx) if handle.rest else {}
        tensors |= {SCALE: torch.tensor(handle.config.scale), SHIFT: torch.tensor(handle.config.shift)}
    return tensors


def _unet_tensors(model: Model, ctx: Context) -> dict[str, Tensor]:
    """The network and the marks of what it predicts, as in a checkpoint."""
    place = find_family(model.handle.family).unet.places[0]
    marks, _ = marks_of(parametrisation_of(model))
    return _in_released_layout(_read(model.handle, ctx), place) | marks


def _read(handle: Handle, ctx: Context) -> dict[str, Tensor]:
    """All tensors under the module's names, patches applied."""
    with open_weights(handle, ctx.pool.placement.device) as weights:
        tensors: dict[str, Tensor] = {}
        for name in weights.sources:
            ctx.check_cancelled()
            tensors[name] = _stored(weights, name)
        return tensors


def _stored(weights: Weights, name: str) -> Tensor:
    """In the precision of the file it comes from; what patches changed in eight bits keeps more than that."""
    tensor, dtype = weights.read(name), weights.stored_dtype(name)
    is_changed = tensor.dtype != dtype
    kept = tensor.half() if is_changed and dtype.itemsize == 1 else tensor.to(dtype)
    # A copy: parts of one fused matrix lie in the same memory, which the format has no way to say.
    return kept.cpu().clone(memory_format=torch.contiguous_format)


def _in_released_layout(tensors: Mapping[str, Tensor], place: Place) -> dict[str, Tensor]:
    stored = open_clip.released(tensors) if place.layout is open_clip.layout else tensors
    return {place.prefix + name: tensor.contiguous() for name, tensor in stored.items()}


def save_tensors(
    tensors: dict[str, Tensor], prefix: str, ctx: Context, metadata: Mapping[str, str] | None = None
) -> None:
    """Hand the tensors over as one file, with prompt and workflow beside the metadata."""
    content = save(tensors, {**write_metadata(ctx.prompt, ctx.workflow), **(metadata or {})})
    name = expand_prefix(prefix, width=0, height=0, index=0, now=datetime.now().astimezone())
    ctx.save(OutputFile("output", "model", name, ".safetensors", "application/octet-stream", content))
