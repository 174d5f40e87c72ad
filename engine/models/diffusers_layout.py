"""diffusers' names for the U-Net and the autoencoder (diffusion_pytorch_model.safetensors), read into the
modules of sd_unet.py and kl_vae.py.
"""

import re
from collections.abc import Iterable

from engine.weights.layout import Source
from engine.weights.shapes import Shapes, count_blocks

_UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_RESIDUAL = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET_STARTS = {ours: theirs for theirs, ours in _UNET_ENDS.items()}
_RESIDUAL_IN_DIFFUSERS = {ours: theirs for theirs, ours in _RESIDUAL.items()}
_UNET_BLOCK = re.compile(
    r"(down_blocks|up_blocks|mid_block)(?:\.(\d+))?"
    r"\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)"
)
_VAE_BLOCK = re.compile(
    r"(encoder|decoder)\.(?:(?:down|up)_blocks\.(\d+)|mid_block)"
    r"\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)"
)
_VAE_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
    # names of before 2023
    "query": "q",
    "key": "k",
    "value": "v",
    "proj_attn": "proj_out",
}

_RESAMPLERS = {"downsamplers": "downsample", "upsamplers": "upsample"}


def unet_layout(shapes: Shapes) -> dict[str, Source]:
    """Sources for an `SdUNet`; what has no place in it keeps its name."""
    per_level = count_blocks(shapes, "down_blocks.0.resnets.") + 1
    attentive = {name.split(".attentions")[0] for name in shapes if ".attentions." in name}
    return {_unet_name(name, per_level, attentive): Source(name, shape) for name, shape in shapes.items()}


def _unet_name(name: str, per_level: int, attentive: set[str]) -> str:
    """`per_level`: numbered blocks a level. `attentive`: which levels have transformers."""
    stem, _, kind = name.rpartition(".")
    if stem in _UNET_ENDS:
        return f"{_UNET_ENDS[stem]}.{kind}"
    match = _UNET_BLOCK.fullmatch(name)
    if match is None:
        return name
    half, level_text, part, index_text, inner = match.groups()
    index = int(index_text)
    if part == "resnets":
        stem, _, kind = inner.rpartition(".")
        inner = f"{_RESIDUAL.get(stem, stem)}.{kind}"
    if half == "mid_block":
        return f"middle_block.{2 * index if part == 'resnets' else 1}.{inner}"
    level, place = int(level_text), 0 if part == "resnets" else 1
    if half == "down_blocks":
        number = 1 + level * per_level + (index if part != "downsamplers" else per_level - 1)
        if part == "downsamplers":
            return f"input_blocks.{number}.0.op{inner.removeprefix('conv')}"
        return f"input_blocks.{number}.{place}.{inner}"
    if part == "upsamplers":
        index, place = per_level - 1, 1 + (f"{half}.{level}" in attentive)
    return f"output_blocks.{level * per_level + index}.{place}.{inner}"


def unet_names_in_diffusers(names: Iterable[str]) -> dict[str, str]:
    """diffusers' name for each tensor of an `SdUNet`; the inverse of `unet_layout`."""
    known = list(names)
    cuts = [name for name in known if name.endswith(".0.op.weight")]
    per_level = min((int(name.split(".")[1]) for name in cuts), default=len(known))
    return {name: _unet_name_in_diffusers(name, per_level) for name in known}


def _unet_name_in_diffusers(name: str, per_level: int) -> str:
    """`per_level`: numbered blocks a level."""
    stem, _, kind = name.rpartition(".")
    if stem in _UNET_STARTS:
        return f"{_UNET_STARTS[stem]}.{kind}"
    half, number_text, *rest = name.split(".")
    if half == "middle_block":
        place = int(number_text)
        home = "mid_block.attentions.0" if place == 1 else f"mid_block.resnets.{place // 2}"
        return f"{home}.{_inner_in_diffusers('.'.join(rest))}"
    place, inner = rest[0], ".".join(rest[1:])
    level, index = divmod(int(number_text) - (half == "input_blocks"), per_level)
    side = "down_blocks" if half == "input_blocks" else "up_blocks"
    if inner.startswith("op."):
        return f"{side}.{level}.downsamplers.0.conv{inner.removeprefix('op')}"
    if inner.startswith("conv."):
        return f"{side}.{level}.upsamplers.0.{inner}"
    if place == "0":
        return f"{side}.{level}.resnets.{index}.{_inner_in_diffusers(inner)}"
    return f"{side}.{level}.attentions.{index}.{inner}"


def _inner_in_diffusers(inner: str) -> str:
    stem, _, kind = inner.rpartition(".")
    return f"{_RESIDUAL_IN_DIFFUSERS.get(stem, stem)}.{kind}"


def vae_layout(shapes: Shapes) -> dict[str, Source]:
    """Sources for a `KlVae`; what has no place in it keeps its name."""
    levels = count_blocks(shapes, "decoder.up_blocks.")
    sources: dict[str, Source] = {}
    for name, shape in shapes.items():
        ours = _vae_name(name, levels)
        # The attention's 1x1 convolutions are matrices there.
        is_flat = ".attn_1." in ours and len(shape) == 2
        sources[ours] = Source(name, (*shape, 1, 1) if is_flat else shape)
    return sources


def _vae_name(name: str, levels: int) -> str:
    match = _VAE_BLOCK.fullmatch(name)
    if match is None:
        return name.replace("conv_norm_out", "norm_out")
    half, level_text, part, index, inner = match.groups()
    stem, _, kind = inner.rpartition(".")
    if part == "attentions":
        return f"{half}.mid.attn_1.{_VAE_ATTENTION.get(stem, stem)}.{kind}"
    if part == "resnets":
        inner = inner.replace("conv_shortcut", "nin_shortcut")
        if level_text is None:
            return f"{half}.mid.block_{int(index) + 1}.{inner}"
    level = int(level_text or 0)
    home = f"{half}.down.{level}" if half == "encoder" else f"{half}.up.{levels - 1 - level}"
    return f"{home}.block.{index}.{inner}" if part == "resnets" else f"{home}.{_RESAMPLERS[part]}.{inner}"
