"""Nodes that name weights. They read headers only; weights are loaded when a node leases them."""

from typing import Annotated

from engine.graph.context import Context
from engine.graph.kinds import Clip, FileChoice, Model, Tip, Vae
from engine.graph.spec import node
from engine.models.detect import detect_checkpoint
from engine.nodes.model_files import handle_of, model_of
from engine.weights.header import read_header

CheckpointName = Annotated[
    str, FileChoice("checkpoints"), Tip("The checkpoint: network, text encoder and VAE.")
]


@node("CheckpointLoaderSimple", category="loaders", title="Load Checkpoint")
def checkpoint_loader_simple(*, ckpt_name: CheckpointName, ctx: Context) -> tuple[Model, Clip, Vae]:
    """Takes a checkpoint apart into the network that denoises, the text encoder and the VAE."""
    path = ctx.models.resolve("checkpoints", ckpt_name)
    header = read_header(path)
    checkpoint = detect_checkpoint(header.shapes, path.name)
    family = checkpoint.family
    vae = handle_of(path, family.name, "vae", checkpoint.vae)
    first, *more = (handle_of(path, family.name, "clip", text) for text in checkpoint.texts)
    clip = Clip(first, second=more[0] if more else None)
    return model_of(header, family, checkpoint.unet, preview_vae=vae), clip, Vae(vae)
