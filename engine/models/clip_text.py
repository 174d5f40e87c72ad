"""The text half of CLIP (Radford et al. 2021, arXiv 2103.00020) in Hugging Face's key names, below
`text_model.`.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor, nn

from engine.weights.shapes import Shapes, count_blocks

# All released CLIP text encoders have heads of this width; no tensor shows it.
HEAD_WIDTH = 64


@dataclass(frozen=True)
class ClipTextConfig:
    """All hyper-parameters; `length` is the number of positions (77)."""

    vocabulary: int
    length: int
    width: int
    inner_width: int
    layers: int
    heads: int

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
    """Two linear layers around CLIP's approximation of GELU, x * sigmoid(1.702 x)."""

    def __init__(self, width: int, inner_width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, inner_width)
        self.fc2 = nn.Linear(inner_width, width)

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.fc1(x)
        return self.fc2(hidden * torch.sigmoid(1.702 * hidden))


class EncoderLayer(nn.Module):
    """Attention and feed-forward, each with a norm before and a residual."""

    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(config.width)
        self.self_attn = SelfAttention(config.width, config.heads)
        self.layer_norm2 = nn.LayerNorm(config.width)
        self.mlp = Mlp(config.width, config.inner_width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Encoder(nn.Module):
    """The stack of layers."""

    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class ClipText(nn.Module):
    """Tokens to a vector each. In two steps, so that embeddings from files can stand in for tokens."""

    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.final_layer_norm = nn.LayerNorm(config.width)

    def embed(self, tokens: Tensor) -> Tensor:
        """Token ids (B, T) -> (B, T, width), without positions."""
        return self.embeddings.token_embedding(tokens)

    def forward(self, embedded: Tensor) -> Tensor:
        """Embedded tokens (B, T, width), T at most `length` -> last hidden states after the final norm."""
        positions: Tensor = self.embeddings.position_embedding.weight[: embedded.shape[1]]
        return self.final_layer_norm(self.encoder(embedded + positions))


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
    )
