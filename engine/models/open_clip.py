"""OpenCLIP's file layout of a text tower (github.com/mlfoundations/open_clip), read into the module of
clip_text.py: SD 2 and SDXL ship their encoders H and bigG so, LongCLIP its L.
"""

import re
from dataclasses import replace

from engine.models import clip_text
from engine.models.clip_text import ClipTextConfig
from engine.weights.layout import Source, thirds
from engine.weights.shapes import Shapes

_BLOCK = re.compile(r"transformer\.resblocks\.(\d+)\.(.+)")
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


def config_from(shapes: Shapes) -> ClipTextConfig:
    """The configuration of H or bigG, `shapes` in our names: the layers are CLIP-L's but for the GELU."""
    return replace(clip_text.config_from(shapes), activation="gelu")
