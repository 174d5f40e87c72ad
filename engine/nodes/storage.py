"""Latents in and out, in ComfyUI's .latent format: a safetensors file with the tensor `latent_tensor`."""

from datetime import datetime
from typing import Annotated

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from engine.errors import InputUnreadable
from engine.graph.context import Context, InputFile
from engine.graph.events import OutputFile
from engine.graph.kinds import FilePrefix, InputChoice, Latent
from engine.graph.limits import MAX_INPUT_BYTES
from engine.graph.spec import node
from engine.nodes.naming import expand_prefix
from engine.nodes.pictures import write_metadata

_TENSOR = "latent_tensor"
# An empty tensor that says: as on sockets. Files without it hold what the U-Net of SD 1.x takes.
_VERSION_MARK = "latent_format_version_0"
_UNMARKED_SCALE = 1 / 0.18215


@node("SaveLatent", category="_for_testing", title="Save Latent", is_output=True)
def save_latent(*, samples: Latent, filename_prefix: FilePrefix = "latents/ComfyUI", ctx: Context) -> None:
    """Keeps a latent as a file that Load Latent takes."""
    latent = samples.samples.cpu().contiguous()
    height, width = latent.shape[-2:]
    now = datetime.now().astimezone()
    name = expand_prefix(filename_prefix, width=width, height=height, index=0, now=now)
    content = save({_TENSOR: latent, _VERSION_MARK: torch.empty(0)}, write_metadata(ctx.prompt, ctx.workflow))
    ctx.save(OutputFile("output", "latent", name, ".latent", "application/octet-stream", content))


@node("LoadLatent", category="_for_testing", title="Load Latent")
def load_latent(*, latent: Annotated[str, InputChoice("latent")], ctx: Context) -> Latent:
    """A latent that Save Latent kept."""
    return Latent(_read_latent(ctx.find_input(latent)))


def _read_latent(file: InputFile) -> torch.Tensor:
    """(B, C, H, W), float32. Raises InputUnreadable."""
    content = file.read()
    if len(content) > MAX_INPUT_BYTES:
        raise InputUnreadable(f"{file.name!r} has {len(content)} bytes; at most {MAX_INPUT_BYTES} are read")
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError) as problem:
        raise InputUnreadable(f"{file.name!r} is no .latent file: {problem}") from problem
    latent = tensors.get(_TENSOR)
    if latent is None or latent.ndim != 4 or latent.numel() == 0:
        raise InputUnreadable(f"{file.name!r} is no .latent file: it has no {_TENSOR!r} of four dimensions")
    return latent.float() * (1.0 if _VERSION_MARK in tensors else _UNMARKED_SCALE)
