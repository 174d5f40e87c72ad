"""diffusers' and transformers' Stable Diffusion, filled with weights in the released key names.

The renaming is written from the two layouts, not from anybody's converter.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from engine.models.clip_text import ClipTextConfig
from engine.models.kl_vae import KlVaeConfig
from engine.models.sd_unet import SdUNetConfig

_RESIDUAL = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_UNET_ENDS = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
    "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2",
}
_TOLD_SIZES = {"addition_embed_type": "text_time", "addition_time_embed_dim": 256}
_VAE_PARTS = {
    "nin_shortcut": "conv_shortcut",
    "downsample.conv": "downsamplers.0.conv",
    "upsample.conv": "upsamplers.0.conv",
    "mid.block_1": "mid_block.resnets.0",
    "mid.block_2": "mid_block.resnets.1",
    "mid.attn_1.norm": "mid_block.attentions.0.group_norm",
    "mid.attn_1.q": "mid_block.attentions.0.to_q",
    "mid.attn_1.k": "mid_block.attentions.0.to_k",
    "mid.attn_1.v": "mid_block.attentions.0.to_v",
    "mid.attn_1.proj_out": "mid_block.attentions.0.to_out.0",
    "norm_out": "conv_norm_out",
}


def below(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors below `prefix`, named without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


def build_unet(config: SdUNetConfig, weights: Mapping[str, Tensor]) -> UNet2DConditionModel:
    """diffusers' U-Net of the same configuration; every level must have as many residual blocks."""
    has_text = [level.depth > 0 for level in config.levels]
    unet: Any = UNet2DConditionModel(
        in_channels=config.in_channels,
        out_channels=config.out_channels,
        block_out_channels=[level.channels for level in config.levels],
        layers_per_block=config.levels[0].residual_blocks,
        down_block_types=["CrossAttnDownBlock2D" if text else "DownBlock2D" for text in has_text],
        up_block_types=["CrossAttnUpBlock2D" if text else "UpBlock2D" for text in reversed(has_text)],
        cross_attention_dim=config.context_width,
        # A list of counts, for all its name; the last is the middle's too.
        attention_head_dim=[config.heads_at(level.channels) for level in config.levels],
        transformer_layers_per_block=[level.depth or config.middle_depth or 1 for level in config.levels],
        reverse_transformer_layers_per_block=depths_up(config),
        mid_block_type="UNetMidBlock2D" if config.middle_depth is None else "UNetMidBlock2DCrossAttn",
        use_linear_projection=config.is_linear,
        projection_class_embeddings_input_dim=config.vector_width,
        **({} if config.vector_width is None else _TOLD_SIZES),
    )
    blocks = config.levels[0].residual_blocks
    unet.load_state_dict({_unet_name(name, blocks): tensor for name, tensor in weights.items()})
    return unet.eval()


def depths_up(config: SdUNetConfig) -> list[list[int]] | None:
    """The depths of each block on the way up, level by level, where they are not those of the way down."""
    if config.output_depths is None:
        return None
    blocks = config.levels[0].residual_blocks + 1
    return [
        list(config.output_depths[start : start + blocks])
        for start in range(0, len(config.output_depths), blocks)
    ]


def build_vae(config: KlVaeConfig, weights: Mapping[str, Tensor]) -> AutoencoderKL:
    """diffusers' autoencoder of the same configuration."""
    vae: Any = AutoencoderKL(
        in_channels=config.pixel_channels,
        out_channels=config.pixel_channels,
        down_block_types=["DownEncoderBlock2D"] * len(config.widths),
        up_block_types=["UpDecoderBlock2D"] * len(config.widths),
        block_out_channels=list(config.widths),
        layers_per_block=config.residual_blocks,
        latent_channels=config.latent_channels,
    )
    deepest = len(config.widths) - 1
    vae.load_state_dict({_vae_name(name, deepest): _vae_tensor(name, weights[name]) for name in weights})
    return vae.eval()


def build_text_encoder(
    config: ClipTextConfig, weights: Mapping[str, Tensor]
) -> CLIPTextModel | CLIPTextModelWithProjection:
    """transformers' CLIP text encoder of the same configuration."""
    kind: Any = CLIPTextModel if config.pooled_width is None else CLIPTextModelWithProjection
    encoder: Any = kind(
        CLIPTextConfig(
            vocab_size=config.vocabulary,
            hidden_size=config.width,
            intermediate_size=config.inner_width,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            max_position_embeddings=config.length,
            hidden_act=config.activation,
            projection_dim=config.pooled_width or config.width,
            bos_token_id=49_406,
            eos_token_id=49_407,
        )
    )
    names = set(encoder.state_dict())
    prefix = "text_model." if any(name.startswith("text_model.") for name in names) else ""
    missing, unknown = encoder.load_state_dict(
        {name if name in names else prefix + name: tensor for name, tensor in weights.items()}, strict=False
    )
    assert not unknown
    assert all(name.endswith("position_ids") for name in missing)
    return encoder.eval()


def relative_error(ours: Tensor, reference: Tensor) -> float:
    """Root of the summed squared differences over that of the reference."""
    difference = torch.linalg.vector_norm(ours.double() - reference.double())
    return float(difference / torch.linalg.vector_norm(reference.double()))


def _unet_name(name: str, blocks: int) -> str:
    for ours, theirs in _UNET_ENDS.items():
        if name.startswith(f"{ours}."):
            return theirs + name.removeprefix(ours)
    side, *rest = name.split(".")
    if side == "middle_block":
        place, inner = int(rest[0]), ".".join(rest[1:])
        home = "mid_block.attentions.0" if place == 1 else f"mid_block.resnets.{place // 2}"
    else:
        number, part, inner = int(rest[0]), int(rest[1]), ".".join(rest[2:])
        home, inner = _unet_home(side, number, part, inner, blocks)
    for ours, theirs in _RESIDUAL.items():
        if inner.startswith(f"{ours}."):
            inner = theirs + inner.removeprefix(ours)
    return f"{home}.{inner}"


def _unet_home(side: str, number: int, part: int, inner: str, blocks: int) -> tuple[str, str]:
    level, index = divmod(number - 1 if side == "input_blocks" else number, blocks + 1)
    half = "down_blocks" if side == "input_blocks" else "up_blocks"
    if inner.startswith("op."):
        return f"{half}.{level}.downsamplers.0", "conv" + inner.removeprefix("op")
    if inner.startswith("conv."):
        return f"{half}.{level}.upsamplers.0", inner
    return f"{half}.{level}.{'attentions' if part else 'resnets'}.{index}", inner


def _vae_name(name: str, deepest: int) -> str:
    for ours, theirs in _VAE_PARTS.items():
        name = re.sub(rf"(^|\.){re.escape(ours)}\.", rf"\g<1>{theirs}.", name)
    name = re.sub(r"down\.(\d+)\.block\.", r"down_blocks.\1.resnets.", name)
    name = re.sub(r"down\.(\d+)\.", r"down_blocks.\1.", name)
    name = re.sub(r"up\.(\d+)\.", lambda match: f"up_blocks.{deepest - int(match[1])}.", name)
    return re.sub(r"(up_blocks\.\d+)\.block\.", r"\1.resnets.", name)


def _vae_tensor(name: str, tensor: Tensor) -> Tensor:
    """diffusers keeps the attention's 1x1 convolutions as matrices."""
    return tensor.flatten(1) if ".attn_1." in name and tensor.ndim == 4 else tensor
