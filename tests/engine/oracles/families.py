"""Tiny checkpoints of every family in the released layouts, and their chains in diffusers."""

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import EulerDiscreteScheduler
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.models.clip_text import ClipTextConfig
from engine.models.kl_vae import KlVaeConfig
from engine.models.sd_unet import Level, SdUNetConfig
from engine.text.clip_tokenizer import ClipTokenizer
from tests.engine.oracles.diffusers_sd import build_text_encoder, build_unet, build_vae

UNET, VAE = "model.diffusion_model.", "first_stage_model."
BOS, EOS, LENGTH = 49_406, 49_407, 77


@dataclass(frozen=True)
class TextRole:
    """One encoder. open_clip: whether the file has OpenCLIP's layout below `prefix`."""

    config: ClipTextConfig
    prefix: str
    pad: int
    open_clip: bool


_VAE = KlVaeConfig(3, 4, widths=(32, 64, 96, 96), residual_blocks=1)


@dataclass(frozen=True)
class TinyFamily:
    """A checkpoint. `spread`: of the biases that tell SD 2's velocity networks, None elsewhere."""

    name: str
    unet: SdUNetConfig
    texts: tuple[TextRole, ...]
    scale: float
    prediction: str = "epsilon"
    spread: float | None = None
    vae: KlVaeConfig = _VAE


_L = ClipTextConfig(49_408, LENGTH, width=48, inner_width=80, layers=3, heads=1)
_OPEN = ClipTextConfig(
    49_408, LENGTH, width=64, inner_width=96, layers=4, heads=1, activation="gelu", pooled_width=1280
)
SD1 = TinyFamily(
    "sd1",
    SdUNetConfig(4, 4, 32, 48, (Level(32, 1, 1), Level(64, 1, 1), Level(96, 1, 0))),
    (TextRole(_L, "cond_stage_model.transformer.text_model.", EOS, open_clip=False),),
    0.18215,
)
SD1_INPAINT = replace(SD1, unet=replace(SD1.unet, in_channels=9))
SD1_PIX2PIX = replace(SD1, unet=replace(SD1.unet, in_channels=8))
SD2 = TinyFamily(
    "sd2",
    SdUNetConfig(4, 4, 64, 64, (Level(64, 1, 1), Level(128, 1, 1), Level(128, 1, 0)), is_linear=True),
    (TextRole(_OPEN, "cond_stage_model.model.", 0, open_clip=True),),
    0.18215,
    spread=0.03,
)
SD2_V = replace(SD2, prediction="v_prediction", spread=0.3)
SDXL = TinyFamily(
    "sdxl",
    SdUNetConfig(
        4,
        4,
        32,
        112,
        (Level(32, 1, 0), Level(64, 1, 1), Level(128, 1, 2)),
        2,
        is_linear=True,
        vector_width=2816,
    ),
    (
        TextRole(_L, "conditioner.embedders.0.transformer.text_model.", EOS, open_clip=False),
        TextRole(_OPEN, "conditioner.embedders.1.model.", 0, open_clip=True),
    ),
    0.13025,
)
SSD = replace(SDXL, unet=replace(SDXL.unet, middle_depth=None, output_depths=(2, 3, 1, 2, 0, 0)))
REFINER = TinyFamily(
    "sdxl_refiner",
    SdUNetConfig(
        4,
        4,
        64,
        64,
        (Level(64, 1, 0), Level(128, 1, 2), Level(64, 1, 0)),
        2,
        is_linear=True,
        vector_width=2560,
    ),
    (TextRole(_OPEN, "conditioner.embedders.0.model.", 0, open_clip=True),),
    0.13025,
)


def draw(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    """Weights for a module on the meta device, each drawn from its own name."""
    return {name: _draw(prefix + name, tuple(tensor.shape)) for name, tensor in module.state_dict().items()}


def _draw(name: str, shape: tuple[int, ...]) -> Tensor:
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))
    if len(shape) == 1:
        return 1 + 0.1 * noise if name.endswith("weight") else 0.1 * noise
    return 0.05 * noise if "embedding." in name else noise * 0.7 / math.sqrt(math.prod(shape[1:]))


@dataclass(frozen=True)
class Weights:
    """A family's networks in the modules' own names."""

    unet: dict[str, Tensor]
    texts: tuple[dict[str, Tensor], ...]
    vae: dict[str, Tensor]


def draw_family(family: TinyFamily) -> Weights:
    """Seeded weights for all of its networks."""
    with torch.device("meta"):
        unet, vae = family.unet.build(), family.vae.build()
        texts = [role.config.build() for role in family.texts]
    weights = draw(unet, UNET)
    if family.spread is not None:
        last = sum(level.residual_blocks + 1 for level in family.unet.levels) - 1
        weights[f"output_blocks.{last}.1.transformer_blocks.0.norm1.bias"] *= family.spread / 0.1
    drawn = tuple(draw(text, role.prefix) for text, role in zip(texts, family.texts, strict=True))
    return Weights(weights, drawn, draw(vae, VAE))


def in_released_layout(family: TinyFamily, weights: Weights) -> dict[str, Tensor]:
    """All tensors by their names in a checkpoint."""
    file = {UNET + name: tensor for name, tensor in weights.unet.items()}
    file |= {VAE + name: tensor for name, tensor in weights.vae.items()}
    for role, text in zip(family.texts, weights.texts, strict=True):
        stored = open_clip_names(text, role.config.layers) if role.open_clip else text
        file |= {role.prefix + name: tensor for name, tensor in stored.items()}
    return {name: tensor.contiguous() for name, tensor in file.items()}


def write_family(path: Path, family: TinyFamily, dtype: torch.dtype = torch.float32) -> Path:
    """The checkpoint as a file."""
    tensors = in_released_layout(family, draw_family(family))
    save_file({name: tensor.to(dtype) for name, tensor in tensors.items()}, path)
    return path


def in_transformers_layout(text: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """An encoder as transformers saves it."""
    return {name if "projection" in name else f"text_model.{name}": tensor for name, tensor in text.items()}


def open_clip_names(text: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """An encoder as open_clip saves it: projections fused, the last one for vector @ matrix."""
    stored = {
        "token_embedding.weight": text["embeddings.token_embedding.weight"],
        "positional_embedding": text["embeddings.position_embedding.weight"],
        "ln_final.weight": text["final_layer_norm.weight"],
        "ln_final.bias": text["final_layer_norm.bias"],
        "logit_scale": torch.tensor(4.6),
    }
    if "text_projection.weight" in text:
        stored["text_projection"] = text["text_projection.weight"].T
    pairs = {
        "layer_norm1": "ln_1",
        "layer_norm2": "ln_2",
        "mlp.fc1": "mlp.c_fc",
        "mlp.fc2": "mlp.c_proj",
        "self_attn.out_proj": "attn.out_proj",
    }
    for layer in range(layers):
        ours, theirs = f"encoder.layers.{layer}.", f"transformer.resblocks.{layer}."
        for kind in ("weight", "bias"):
            stored |= {f"{theirs}{b}.{kind}": text[f"{ours}{a}.{kind}"] for a, b in pairs.items()}
            stored[f"{theirs}attn.in_proj_{kind}"] = torch.cat(
                [text[f"{ours}self_attn.{part}_proj.{kind}"] for part in "qkv"]
            )
    return stored


@dataclass(frozen=True)
class Setting:
    """What a chain is run with. numbers: what SDXL is told, for the positive and the negative prompt.

    channels: (1, C', h, w), what the network is given beside the noisy latent.
    control: what else the U-Net is called with, from its latents, timestep and other arguments.
    prepare: what is done to diffusers' U-Net before.
    """

    positive: str = "a photo of a cat sitting on a chair"
    negative: str = "blurry, low quality"
    steps: int = 4  # diffusers interpolates sigma, we its logarithm: so every timestep is a trained one
    cfg: float = 5.0
    seed: int = 5
    numbers: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    channels: Tensor | None = None
    last_layer: int | None = None
    control: Callable[[Tensor, Tensor, dict[str, Any]], dict[str, Any]] | None = None
    prepare: Callable[[Any], None] | None = None


def encode(
    family: TinyFamily, weights: Weights, prompt: str, last_layer: int | None
) -> tuple[Tensor, Tensor]:
    """transformers' hidden states and vector of the whole text, as diffusers' pipelines choose them."""
    states: list[Tensor] = []
    pooled = torch.empty(0)
    for role, text in zip(family.texts, weights.texts, strict=True):
        encoder: Any = build_text_encoder(role.config, text)
        inner = encoder.text_model if hasattr(encoder, "text_model") else encoder
        ids = [BOS, *ClipTokenizer().encode(prompt), EOS]
        encoded = encoder(torch.tensor([ids + [role.pad] * (LENGTH - len(ids))]), output_hidden_states=True)
        layer = last_layer or (-1 if family.name == "sd1" else -2)
        hidden = encoded.hidden_states[layer]
        has_norm = family.name in ("sd1", "sd2")
        states.append(inner.final_layer_norm(hidden) if has_norm else hidden)
        pooled = encoded.text_embeds if "text_embeds" in encoded else encoded.pooler_output
    return torch.cat(states, dim=-1), pooled


def run_chain(family: TinyFamily, weights: Weights, setting: Setting) -> tuple[Tensor, Tensor]:
    """diffusers' latent of 64 x 64 pixels in VAE space, and its pixels in [0, 1]."""
    unet: Any = build_unet(family.unet, weights.unet)
    if setting.prepare:
        setting.prepare(unet)
    vae: Any = build_vae(family.vae, weights.vae)
    scheduler: Any = EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        timestep_spacing="linspace",
        prediction_type=family.prediction,
    )
    scheduler.set_timesteps(setting.steps)
    with torch.inference_mode():
        sides = [
            encode(family, weights, text, setting.last_layer) for text in (setting.negative, setting.positive)
        ]
        arguments: dict[str, Any] = {"encoder_hidden_states": torch.cat([side[0] for side in sides])}
        if setting.numbers is not None:
            arguments["added_cond_kwargs"] = {
                "text_embeds": torch.cat([side[1] for side in sides]),
                "time_ids": torch.tensor(setting.numbers[::-1]),
            }
        x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(setting.seed))
        x = x * (scheduler.sigmas[0] ** 2 + 1) ** 0.5
        for timestep in scheduler.timesteps:
            scaled = scheduler.scale_model_input(torch.cat([x, x]), timestep)
            if setting.channels is not None:
                scaled = torch.cat([scaled, setting.channels.expand(2, -1, -1, -1)], dim=1)
            more = setting.control(scaled, timestep, arguments) if setting.control else {}
            negative, positive = unet(scaled, timestep, **arguments, **more).sample.chunk(2)
            x = scheduler.step(negative + setting.cfg * (positive - negative), timestep, x).prev_sample
        latent = x / family.scale
        return latent, ((vae.decode(latent).sample + 1) / 2).clamp(0, 1).movedim(1, -1)


def open_clip_shapes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The shapes of an encoder as open_clip saves it."""
    layers = sum(name.endswith("layer_norm1.weight") for name in shapes)
    tensors = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    return {name: tuple(tensor.shape) for name, tensor in open_clip_names(tensors, layers).items()}
