"""The picture half of CLIP (Radford et al. 2021, arXiv 2103.00020; a Vision Transformer, Dosovitskiy et al.
2020, arXiv 2010.11929) in Hugging Face's key names, below `vision_model.`: ViT-L, H and bigG.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor, nn

from engine.models.clip_text import Activation, Mlp
from engine.models.family import PartLayout, Place
from engine.weights.layout import Source
from engine.weights.shapes import Shapes, count_blocks

# L, H and bigG all have so many, each 64, 80 and 104 wide; no tensor shows it.
HEADS = 16
# OpenAI's ViT-L, with 24 layers, was trained with an approximation of GELU; OpenCLIP's H and bigG, with 32
# and 48, with GELU itself.
OPEN_CLIP_LAYERS = 32
# Of the pictures that all were trained with, a channel (openai/CLIP, clip.py).
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
_BELOW, _PROJECTION = "vision_model.", "visual_projection.weight"


@dataclass(frozen=True)
class ClipVisionConfig:
    """All hyper-parameters; `patch`: pixels a side that become one token, `tokens`: of a picture, with the
    class token. `projected_width`: of the vector of the whole picture.
    """

    width: int
    inner_width: int
    layers: int
    patch: int
    tokens: int
    projected_width: int
    heads: int = HEADS
    activation: Activation = "quick_gelu"

    @property
    def side_px(self) -> int:
        """Width and height of the pictures."""
        return round((self.tokens - 1) ** 0.5) * self.patch

    def build(self) -> "ClipVision":
        """The network, with whatever weights the current default device gives."""
        return ClipVision(self)


class Embeddings(nn.Module):
    """Patches to tokens, behind a token for the class; with their positions."""

    def __init__(self, config: ClipVisionConfig) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(torch.empty(config.width))
        self.patch_embedding = nn.Conv2d(3, config.width, config.patch, stride=config.patch, bias=False)
        self.position_embedding = nn.Embedding.from_pretrained(torch.empty(config.tokens, config.width))

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, T, width)."""
        patches = self.patch_embedding(pixels).flatten(2).transpose(1, 2)  # (B, C, h, w) -> (B, hw, C)
        start = self.class_embedding.expand(len(pixels), 1, -1)
        return torch.cat([start, patches], dim=1) + self.position_embedding.weight


class SelfAttention(nn.Module):
    """Multi-head attention of all tokens to all."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        q, k, v = (
            project(x)
            .unflatten(-1, (self.heads, -1))
            .transpose(1, 2)  # (B, T, C) -> (B, heads, T, C / heads)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class EncoderLayer(nn.Module):
    """Attention and feed-forward, each with a norm before and a residual."""

    def __init__(self, config: ClipVisionConfig) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(config.width)
        self.self_attn = SelfAttention(config.width, config.heads)
        self.layer_norm2 = nn.LayerNorm(config.width)
        self.mlp = Mlp(config.width, config.inner_width, config.activation)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Encoder(nn.Module):
    """The stack of layers."""

    def __init__(self, config: ClipVisionConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))


@dataclass(frozen=True)
class Seen:
    """embeds: (B, projected_width).  last, penultimate: (B, T, width), what the last layer gives, and the one
    before it; without the final norm.
    """

    embeds: Tensor
    last: Tensor
    penultimate: Tensor


class ClipVision(nn.Module):
    """A picture to one vector, and to a vector for each of its patches."""

    def __init__(self, config: ClipVisionConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.pre_layrnorm = nn.LayerNorm(config.width)  # so spelt in all files
        self.encoder = Encoder(config)
        self.post_layernorm = nn.LayerNorm(config.width)
        self.visual_projection = nn.Linear(config.width, config.projected_width, bias=False)

    def forward(self, pixels: Tensor) -> Seen:
        """(B, 3, side_px, side_px), as `prepare` gives them."""
        x: Tensor = self.pre_layrnorm(self.embeddings(pixels))
        penultimate = x
        for layer in self.encoder.layers:
            penultimate, x = x, layer(x)
        return Seen(self.visual_projection(self.post_layernorm(x[:, 0])), x, penultimate)


def prepare(pixels: Tensor, side_px: int, *, is_cropped: bool) -> Tensor:
    """Pictures (B, H, W, C) in [0, 1] as the network was trained to see them: (B, 3, side_px, side_px).

    The shorter side is scaled to `side_px` and the middle cut out; not cropped, both sides are scaled.
    """
    picture = pixels[..., :3].movedim(-1, 1)
    height, width = picture.shape[-2:]
    if (height, width) != (side_px, side_px):
        scale = side_px / min(height, width)
        size = (round(height * scale), round(width * scale)) if is_cropped else (side_px, side_px)
        picture = F.interpolate(picture, size=size, mode="bicubic", antialias=True)
        y, x = ((side - side_px) // 2 for side in size)
        picture = picture[..., y : y + side_px, x : x + side_px]
    # Training pictures had eight bits a channel.
    picture = (picture * 255).clamp(0, 255).round() / 255
    return (picture - _channels(MEAN, picture)) / _channels(DEVIATION, picture)


def _channels(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values).to(like)[:, None, None]


def config_from(shapes: Shapes) -> ClipVisionConfig:
    """The configuration that the tensors show; `shapes` in the module's names."""
    width, _, patch, _ = shapes["embeddings.patch_embedding.weight"]
    layers = count_blocks(shapes, "encoder.layers.")
    return ClipVisionConfig(
        width=width,
        inner_width=shapes["encoder.layers.0.mlp.fc1.weight"][0],
        layers=layers,
        patch=patch,
        tokens=shapes["embeddings.position_embedding.weight"][0],
        projected_width=shapes[_PROJECTION][0],
        activation="gelu" if layers >= OPEN_CLIP_LAYERS else "quick_gelu",
    )


def layout(shapes: Shapes) -> dict[str, Source]:
    """Sources for a `ClipVision`; files of a whole CLIP have its text half beside it, which is left out."""
    return {
        name.removeprefix(_BELOW): Source(name, shape)
        for name, shape in shapes.items()
        if name.startswith(_BELOW) or name == _PROJECTION
    }


PART = PartLayout((Place("", f"{_BELOW}embeddings.class_embedding", layout),), config_from)
