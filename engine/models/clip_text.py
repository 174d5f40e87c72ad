"""The text half of CLIP (Radford et al. 2021, arXiv 2103.00020) in Hugging Face's key names, below
`text_model.`.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor, nn

from engine.weights.layout import Source
from engine.weights.shapes import Shapes, count_blocks

# All released CLIP text encoders have heads of this width; no tensor shows it.
HEAD_WIDTH = 64
_PROJECTION = "text_projection.weight"
# OpenAI's approximation of GELU, x * sigmoid(1.702 x); OpenCLIP's encoders were trained with GELU itself.
Activation = Literal["quick_gelu", "gelu"]


@dataclass(frozen=True)
class ClipTextConfig:
    """All hyper-parameters; `length` is the number of positions: 77, in LongCLIP 248.

    `pooled_width` is that of the projected vector of the whole text, None where the file has no projection.
    """

    vocabulary: int
    length: int
    width: int
    inner_width: int
    layers: int
    heads: int
    activation: Activation = "quick_gelu"
    pooled_width: int | None = None

    def build(self) -> "ClipText":
        """The network, with whatever weights the current default device gives."""
        return ClipText(self)


class Embeddings(nn.Module):
    """Tables of tokens and of positions."""

    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        # Not nn.Embedding(...): its random start costs a second, even on the meta device.
        self.token_embedding = nn.Embedding.from_pretrained(torch.empty(config.vocabulary, config.width))
        self.position_embedding = nn.Embedding.from_pretrained(torch.empty(config.length, config.width))


class SelfAttention(nn.Module):
    """Causal multi-head attention."""

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
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """Two linear layers around the activation."""

    def __init__(self, width: int, inner_width: int, activation: Activation) -> None:
        super().__init__()
        self.is_exact = activation == "gelu"
        self.fc1 = nn.Linear(width, inner_width)
        self.fc2 = nn.Linear(inner_width, width)

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.fc1(x)
        return self.fc2(F.gelu(hidden) if self.is_exact else hidden * torch.sigmoid(1.702 * hidden))


class EncoderLayer(nn.Module):
    """Attention and feed-forward, each with a norm before and a residual."""

    def __init__(self, config: ClipTextConfig) -> None:
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

    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))


@dataclass(frozen=True)
class Encoded:
    """hidden: (B, T, width).  pooled: (B, pooled_width), or (B, width) where nothing projects it."""

    hidden: Tensor
    pooled: Tensor


class ClipText(nn.Module):
    """Tokens to a vector each. In two steps, so that embeddings from files can stand in for tokens."""

    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.final_layer_norm = nn.LayerNorm(config.width)
        if config.pooled_width is not None:
            self.text_projection = nn.Linear(config.width, config.pooled_width, bias=False)

    def embed(self, tokens: Tensor) -> Tensor:
        """Token ids (B, T) -> (B, T, width), without positions."""
        return self.embeddings.token_embedding(tokens)

    def forward(self, embedded: Tensor, layer: int = -1, *, is_normed: bool = True) -> Tensor:
        """Embedded tokens (B, T, width), T at most `length` -> hidden states (B, T, width).

        layer: -1 is the last, -2 the one before it; where there are fewer, the last.  is_normed: whether the
        final norm is applied to them.
        """
        x = self.position(embedded)
        for block in self.encoder.layers[: self.depth(layer)]:
            x = block(x)
        return self.final_layer_norm(x) if is_normed else x

    def encode(self, embedded: Tensor, ends: Tensor, layer: int, *, is_normed: bool) -> Encoded:
        """As `forward`, with the vector of the whole text: that of the last layer at `ends` (B,), where each
        text has its first end mark, normed and projected.
        """
        last = hidden = self.position(embedded)
        for number, block in enumerate(self.encoder.layers, start=1):
            last = block(last)
            hidden = last if number == self.depth(layer) else hidden
        normed = self.final_layer_norm(last)
        pooled = normed[torch.arange(len(ends), device=ends.device), ends]
        if self.config.pooled_width is not None:
            pooled = self.text_projection(pooled)
        return Encoded(self.final_layer_norm(hidden) if is_normed else hidden, pooled)

    def position(self, embedded: Tensor) -> Tensor:
        """The tokens with their positions added."""
        return embedded + self.embeddings.position_embedding.weight[: embedded.shape[1]]

    def depth(self, layer: int) -> int:
        """How many layers lead to `layer`, which counts from the end."""
        layers = self.config.layers
        return layers + 1 + layer if 1 <= -layer <= layers else layers


def config_from(shapes: Shapes) -> ClipTextConfig:
    """The configuration that the encoder's tensors show; `shapes` below `text_model.`."""
    vocabulary, width = shapes["embeddings.token_embedding.weight"]
    return ClipTextConfig(
        vocabulary=vocabulary,
        length=shapes["embeddings.position_embedding.weight"][0],
        width=width,
        inner_width=shapes["encoder.layers.0.mlp.fc1.weight"][0],
        layers=count_blocks(shapes, "encoder.layers."),
        heads=max(1, width // HEAD_WIDTH),
        pooled_width=shapes[_PROJECTION][0] if _PROJECTION in shapes else None,
    )


def layout_with_projection(shapes: Shapes) -> dict[str, Source]:
    """Files of an encoder by itself: the projection beside `text_model.`, everything else below it."""
    return {name.removeprefix("text_model."): Source(name, shape) for name, shape in shapes.items()}
