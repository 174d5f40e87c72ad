"""TAESD's files with random weights, and diffusers' network of the same size filled with them."""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderTiny
from safetensors.torch import save_file
from torch import Tensor

from engine.models.taesd import DECODER, ENCODER, TaesdConfig

# In diffusers the first layer of the decoder, which has no weights, has no number.
FIRST_NUMBERS = {ENCODER: 0, DECODER: 1}


def draw_tiny_vae(config: TaesdConfig, seed: int = 1) -> dict[str, Tensor]:
    """All tensors by the module's names; activations neither die nor explode."""
    with torch.device("meta"):
        state = config.build().state_dict()
    return {name: _draw(f"{seed} {name}", tuple(tensor.shape)) for name, tensor in state.items()}


def _draw(key: str, shape: tuple[int, ...]) -> Tensor:
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:7])
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return noise / math.sqrt(math.prod(shape[1:])) if len(shape) > 1 else noise * 0.1


def write_pair(folder: Path, name: str, weights: Mapping[str, Tensor]) -> None:
    """NAME_encoder and NAME_decoder, without any prefix."""
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, part in ((ENCODER, "encoder"), (DECODER, "decoder")):
        own = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
        if own:
            save_file(own, folder / f"{name}_{part}.safetensors")


def build_tiny_vae(config: TaesdConfig, weights: Mapping[str, Tensor]) -> AutoencoderTiny:
    """diffusers' network, without any scaling of latents."""
    theirs: Any = AutoencoderTiny(
        encoder_block_out_channels=(config.encoder_width,) * 4,
        decoder_block_out_channels=(config.decoder_width,) * 4,
        latent_channels=config.latent_channels,
    )
    theirs.load_state_dict({_their_name(name): tensor for name, tensor in weights.items()})
    return theirs.eval()


def _their_name(name: str) -> str:
    part, number, *rest = name.removeprefix("taesd_").split(".")
    first = FIRST_NUMBERS[f"taesd_{part}."]
    return ".".join([part, "layers", str(int(number) - first), *rest])
