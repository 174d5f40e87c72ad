"""The demo model's three networks: sizes, first weights, and the file they ship in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.demo.train.state import below
from engine.demo.train.thumbnail import carry_colours
from engine.models.clip_text import ClipText, ClipTextConfig
from engine.models.kl_vae import KlVae, KlVaeConfig
from engine.models.sd_unet import Level, SdUNet, SdUNetConfig

# Of the SD 1.x family: what a latent of the autoencoder is multiplied by for the U-Net.
LATENT_SCALE: Final = 0.18215

# The vocabulary alone weighs 49 408 x width: the width is what the file's size hangs on.
TEXT: Final = ClipTextConfig(vocabulary=49_408, length=77, width=128, inner_width=512, layers=4, heads=2)
# The first and the last width have three channels for each of the 32 groups: thumbnail.py says why.
VAE: Final = KlVaeConfig(pixel_channels=3, latent_channels=4, widths=(96, 64, 64, 96), residual_blocks=1)
# No attention among the 256 places of a whole latent: it would take half of a training step.
UNET: Final = SdUNetConfig(
    in_channels=4,
    out_channels=4,
    model_channels=64,
    context_width=TEXT.width,
    levels=(Level(64, 2, 0), Level(128, 2, 1), Level(192, 1, 1)),
)
PREFIXES: Final = {
    "unet": "model.diffusion_model.",
    "text": "cond_stage_model.transformer.text_model.",
    "vae": "first_stage_model.",
}


def new_text_encoder() -> ClipText:
    """With random weights that can be trained, tables included."""
    encoder = TEXT.build()
    for table in (encoder.embeddings.token_embedding, encoder.embeddings.position_embedding):
        nn.init.normal_(table.weight, std=0.02)
        table.weight.requires_grad_()
    return encoder


def new_autoencoder() -> KlVae:
    """Begins as a plain thumbnail."""
    vae = VAE.build()
    carry_colours(vae)
    return vae


def new_unet() -> SdUNet:
    """Each residual branch begins at zero, so that the untrained network passes its input on."""
    unet = UNET.build()
    for name, module in unet.named_modules():
        if name.endswith(("out_layers.3", "proj_out")) or name == "out.2":
            nn.init.zeros_(module.get_parameter("weight"))
            nn.init.zeros_(module.get_parameter("bias"))
    return unet


@dataclass(frozen=True)
class Networks:
    """A whole model, its weights in float32, for use alone."""

    unet: SdUNet
    text: ClipText
    vae: KlVae


def read_model(path: Path, device: torch.device) -> Networks:
    """The three networks of a file that `write_model` left."""
    weights = load_file(path)
    parts = Networks(new_unet(), new_text_encoder(), new_autoencoder())
    for part, prefix in PREFIXES.items():
        network: nn.Module = getattr(parts, part)
        network.load_state_dict(below(weights, prefix))
        network.float().to(device).eval().requires_grad_(requires_grad=False)
    return parts


def write_model(path: Path, parts: Mapping[str, Mapping[str, Tensor]], *, dtype: torch.dtype) -> None:
    """Write `parts` ("unet", "text", "vae") as one SD 1.x file that is either whole or not there."""
    weights = {
        PREFIXES[part] + name: tensor.to(dtype).contiguous()
        for part, tensors in parts.items()
        for name, tensor in tensors.items()
    }
    partial = path.with_suffix(".partial")
    save_file(weights, partial, metadata={"format": "pt"})
    partial.replace(path)
