"""Nodes that name weights. They read headers only; weights are loaded when a node leases them."""

from pathlib import Path
from typing import Annotated

from engine.graph.context import Context
from engine.graph.kinds import Clip, FileChoice, Model, Tip, Vae
from engine.graph.spec import node
from engine.models.detect import Checkpoint, DetectedPart, detect_checkpoint
from engine.residency.handle import Handle, Part
from engine.weights.header import read_header

CheckpointName = Annotated[
    str, FileChoice("checkpoints"), Tip("The checkpoint: network, text encoder and VAE.")
]


@node("CheckpointLoaderSimple", category="loaders", title="Load Checkpoint")
def checkpoint_loader_simple(*, ckpt_name: CheckpointName, ctx: Context) -> tuple[Model, Clip, Vae]:
    """Takes a checkpoint apart into the network that denoises, the text encoder and the VAE."""
    path = ctx.models.resolve("checkpoints", ckpt_name)
    checkpoint = detect_checkpoint(read_header(path).shapes, path.name)
    vae = handle_of(path, checkpoint, "vae", checkpoint.vae)
    return (
        Model(handle_of(path, checkpoint, "unet", checkpoint.unet), preview_vae=vae),
        Clip(handle_of(path, checkpoint, "clip", checkpoint.clip)),
        Vae(vae),
    )


def handle_of(path: Path, checkpoint: Checkpoint, part: Part, detected: DetectedPart) -> Handle:
    """The handle of one part of a checkpoint."""
    status = path.stat()
    return Handle(
        path=path,
        size_bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        part=part,
        family=checkpoint.family.name,
        prefix=detected.prefix,
        config=detected.config,
        elements=detected.elements,
    )
