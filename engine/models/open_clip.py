"""OpenCLIP's file layout of a text tower (github.com/mlfoundations/open_clip), read into the module of
clip_text.py: SD 2 and SDXL ship their encoders H and bigG so, LongCLIP its L.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from engine.models import clip_text
from engine.models.clip_text import ClipTextConfig
from engine.weights.layout import Source, thirds
from engine.weights.shapes import Shapes

_BLOCK = re.compile(r"transformer\.resblocks\.(\d+)\.(.+)")
_LAYER = re.compile(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)")
_NAMES = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_PARTS = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}
_PROJECTIONS = ("q_proj", "k_proj", "v_proj")
_PROJECTION = "text_projection"
# LongCLIP's training copy of the positions.
_UNUSED = "positional_embedding_res"


def layout(shapes: Shapes) -> dict[str, Source]:
    """Sources for a `ClipText`; what has no place in it keeps its name."""
    sources: dict[str, Source] = {}
    for name, shape in shapes.items():
        block = _BLOCK.fullmatch(name)
        if name == _PROJECTION:
            # Stored for vector @ matrix, where a linear layer has matrix @ vector.
            sources[f"{_PROJECTION}.weight"] = Source(name, shape[::-1], is_transposed=True)
        elif block is None:
            sources |= {} if name == _UNUSED else {_NAMES.get(name, name): Source(name, shape)}
        elif (fused := block[2].removeprefix("attn.in_proj_")) != block[2]:
            home = f"encoder.layers.{block[1]}.self_attn"
            sources |= {
                f"{home}.{_PROJECTIONS[third]}.{fused}": source for third, source in thirds(name, shape)
            }
        else:
            part, _, kind = block[2].rpartition(".")
            sources[f"encoder.layers.{block[1]}.{_PARTS.get(part, part)}.{kind}"] = Source(name, shape)
    return sources


def released(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A `ClipText`'s tensors under OpenCLIP's names; the inverse of `layout`."""
    names, parts = ({ours: theirs for theirs, ours in table.items()} for table in (_NAMES, _PARTS))
    stored: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        layer = _LAYER.fullmatch(name)
        if name == f"{_PROJECTION}.weight":
            stored[_PROJECTION] = tensor.mT
        elif layer is None:
            stored[names[name]] = tensor
        elif layer[2] in parts:
            stored[f"transformer.resblocks.{layer[1]}.{parts[layer[2]]}.{layer[3]}"] = tensor
        elif layer[2] == f"self_attn.{_PROJECTIONS[0]}":
            home = name.removesuffix(f"{_PROJECTIONS[0]}.{layer[3]}")
            fused = [tensors[f"{home}{projection}.{layer[3]}"] for projection in _PROJECTIONS]
            stored[f"transformer.resblocks.{layer[1]}.attn.in_proj_{layer[3]}"] = torch.cat(fused)
    return stored


def config_from(shapes: Shapes) -> ClipTextConfig:
    """The configuration of H or bigG, `shapes` in our names: the layers are CLIP-L's but for the GELU."""
    return replace(clip_text.config_from(shapes), activation="gelu")
