"""Seeded random weights in the layout of an SD 1.x checkpoint; their pictures are abstract."""

import hashlib
import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from engine.models.clip_text import ClipTextConfig
from engine.models.kl_vae import KlVaeConfig
from engine.models.sd_unet import SdUNetConfig

LATENT_CHANNELS = 4

# The prediction: how much of a latent's fine grain is called noise, how much of its coarse shapes, and how
# strongly the random layers (and so the prompt) join in.
GRAIN_SHARE = 1.0
SHAPE_SHARE = 0.25
RANDOM_SHARE = 0.3
# Of the decoder's last layer: keeps most of a picture inside [0, 1].
CONTRAST = 0.4


def draw_weights(
    unet: SdUNetConfig, text: ClipTextConfig, vae: KlVaeConfig, *, seed: int
) -> dict[str, Tensor]:
    """All tensors of a checkpoint of these sizes, float32, by their names in the file.

    Each is drawn by itself from (seed, name), so that equal calls give equal bytes whatever else is drawn.
    """
    with torch.device("meta"):
        parts: Mapping[str, nn.Module] = {
            "model.diffusion_model.": unet.build(),
            "cond_stage_model.transformer.text_model.": text.build(),
            "first_stage_model.": vae.build(),
        }
    weights = {
        prefix + name: _draw(prefix + name, tuple(tensor.shape), seed)
        for prefix, part in parts.items()
        for name, tensor in part.state_dict().items()
    }
    _carry_latent(weights, "model.diffusion_model.", width=unet.model_channels)
    weights["first_stage_model.decoder.conv_out.weight"] *= CONTRAST
    return weights


def _draw(name: str, shape: tuple[int, ...], seed: int) -> Tensor:
    """Scaled so that activations neither die nor explode: gains near 1, matrices with variance 1 / fan-in."""
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(int.from_bytes(digest[:7])))
    if len(shape) == 1:
        return 1 + 0.1 * noise if name.endswith("weight") else 0.02 * noise
    if "_embedding." in name:
        return 0.02 * noise
    return noise / math.sqrt(math.prod(shape[1:]))


def _carry_latent(weights: dict[str, Tensor], unet: str, *, width: int) -> None:
    """Make a random U-Net a crude denoiser, in place: its prediction is about x / rms(x).

    Channel pairs (+x, -x) pass from the stem over the outermost skip to the head, where the norm scales them
    and SiLU(a) - SiLU(-a) = a gives x back. Without it, sampling would leave the noise where it is.
    """
    pairs = 2 * LATENT_CHANNELS
    last = max(
        int(name[len(unet) :].split(".")[1]) for name in weights if name.startswith(f"{unet}output_blocks.")
    )
    block = f"{unet}output_blocks.{last}."
    silenced = [
        f"{unet}input_blocks.0.0",
        block + "0.out_layers.3",
        block + "0.skip_connection",
        block + "1.proj_out",
    ]
    for name in silenced:
        for part in (f"{name}.weight", f"{name}.bias"):
            if part in weights:
                weights[part][:pairs] = 0
    stem, skip = weights[f"{unet}input_blocks.0.0.weight"], weights[block + "0.skip_connection.weight"]
    head = weights[f"{unet}out.2.weight"]
    weights[f"{unet}out.0.weight"][:pairs] = 1
    weights[f"{unet}out.0.bias"][:pairs] = 0
    head *= RANDOM_SHARE
    head[:, :pairs] = 0
    before = skip.shape[1] - width
    # (3, 3): the centre less a binomial blur is grain, the blur itself is shape.
    blur = torch.outer(*[torch.tensor([0.25, 0.5, 0.25])] * 2)
    centre = torch.zeros(3, 3)
    centre[1, 1] = 1
    grain = GRAIN_SHARE * (centre - blur) + SHAPE_SHARE * blur
    for number in range(pairs):
        latent_channel, sign = number // 2, 1 - 2 * (number % 2)
        stem[number, latent_channel, 1, 1] = sign
        skip[number, before + number] = 1
        head[latent_channel, number] = sign * grain
