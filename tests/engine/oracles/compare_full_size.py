"""python -m tests.engine.oracles.compare_full_size CHECKPOINT: errors against diffusers and transformers.

For a checkpoint of Stable Diffusion 1.5's size, such as make_checkpoint writes; takes a minute and 12 GB, so
it is run by hand. Prints one line a network and fails where a relative error is 1e-4 or more.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from engine.models.detect import detect_checkpoint
from engine.nodes.model_files import handle_of
from engine.residency.device import choose_placement
from engine.residency.handle import Part
from engine.residency.load import load_module
from engine.weights.header import read_header
from tests.engine.oracles.diffusers_sd import below, build_text_encoder, build_unet, build_vae, relative_error
from tests.engine.oracles.make_checkpoint import SD15

TOLERANCE = 1e-4


def compare(path: Path) -> Iterator[tuple[str, float]]:
    """Each network's name and error, ours as the engine loads it."""
    weights = {name: tensor.float() for name, tensor in load_file(path).items()}
    text = below(weights, "cond_stage_model.transformer.text_model.")
    text.pop("embeddings.position_ids", None)
    encoder, encoder_reference = load(path, "clip"), build_text_encoder(SD15.text, text)
    tokens = torch.randint(0, 49_406, (2, 77))
    context = encoder_reference(tokens).last_hidden_state
    yield "CLIP-L", relative_error(encoder(encoder.embed(tokens)), context)
    yield "U-Net", unet_error(path, weights, context)
    vae: Any = load(path, "vae")
    vae_reference: Any = build_vae(SD15.vae, below(weights, "first_stage_model."))
    latent, pixels = torch.randn(1, 4, 16, 16) * 5, torch.rand(1, 3, 128, 128) * 2 - 1
    yield "VAE decoder", relative_error(vae.decode(latent), vae_reference.decode(latent).sample)
    yield "VAE encoder", relative_error(vae.encode(pixels), vae_reference.encode(pixels).latent_dist.mean)


def unet_error(path: Path, weights: dict[str, Tensor], context: Tensor) -> float:
    """The U-Net's error at one noisy and one clean timestep."""
    reference: Any = build_unet(SD15.unet, below(weights, "model.diffusion_model."))
    x, timestep = torch.randn(2, 4, 32, 32), torch.tensor([981, 21])
    expected = reference(x, timestep, encoder_hidden_states=context).sample
    return relative_error(load(path, "unet")(x, timestep, context), expected)


def load(path: Path, part: Part) -> Any:
    """One network as the pool would load it on the CPU."""
    checkpoint = detect_checkpoint(read_header(path).shapes, path.name)
    parts = {"unet": checkpoint.unet, "clip": checkpoint.texts[0], "vae": checkpoint.vae}
    handle = handle_of(path, checkpoint.family.name, part, parts[part])
    return load_module(handle, choose_placement("cpu", "fp32"))


def main() -> None:
    """Print the errors; exit with 1 where one is too large."""
    torch.manual_seed(0)
    with torch.inference_mode():
        errors = dict(compare(Path(sys.argv[1])))
    for name, error in errors.items():
        print(f"{name:12} {error:.2e}")  # noqa: T201 -- a command
    sys.exit(int(max(errors.values()) >= TOLERANCE))


if __name__ == "__main__":
    main()
