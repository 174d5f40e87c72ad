"""IP-Adapter (Ye et al. 2023, arXiv 2308.06721): a picture becomes a few tokens, and every cross-attention of
a U-Net has keys and values for them beside the text's.

In the released files' key names: `image_proj.` makes the tokens, `ip_adapter.N.` the keys and values.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor, nn

from engine.models.family import PartLayout, Place
from engine.models.sd_unet import Attention, SdUNet, SdUNetConfig, SpatialTransformer
from engine.weights.shapes import Shapes, count_blocks

# Of the resampler's attention; no tensor shows it. From the release (resampler.py).
HEAD_WIDTH = 64
_KEY, _VALUE = "to_k_ip.weight", "to_v_ip.weight"
# vector: of one vector a picture.  resampler: by a few learned queries (Alayrac et al. 2022, arXiv
# 2204.14198).  each: token by token.
Projection = Literal["vector", "resampler", "each"]
Half = Literal["input", "middle", "output"]


@dataclass(frozen=True)
class IpAdapterConfig:
    """picture_width: of what the vision encoder gives.  text_width: of tokens, as of the U-Net's text.

    tokens: of a picture, 0 where there are as many as the encoder gives.  pairs: (N, channels) of each
    cross-attention.  inner_width, layers: of a resampler.
    """

    projection: Projection
    picture_width: int
    text_width: int
    tokens: int
    pairs: tuple[tuple[int, int], ...]
    inner_width: int = 0
    layers: int = 0

    @property
    def takes_patches(self) -> bool:
        """Whether it wants a vector for each part of a picture, or one for all."""
        return self.projection != "vector"

    def build(self) -> "IpAdapter":
        """The network, with whatever weights the current default device gives."""
        return IpAdapter(self)


class VectorProjection(nn.Module):
    """One vector to several tokens."""

    def __init__(self, config: IpAdapterConfig) -> None:
        super().__init__()
        self.proj = nn.Linear(config.picture_width, config.tokens * config.text_width)
        self.norm = nn.LayerNorm(config.text_width)

    def forward(self, embeds: Tensor) -> Tensor:
        """(B, picture_width) -> (B, tokens, text_width)."""
        return self.norm(self.proj(embeds).unflatten(-1, (-1, self.norm.normalized_shape[0])))


class EachProjection(nn.Module):
    """A token for each that the encoder gives."""

    def __init__(self, config: IpAdapterConfig) -> None:
        super().__init__()
        width = config.picture_width
        self.proj = nn.Sequential(
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, config.text_width),
            nn.LayerNorm(config.text_width),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, T, picture_width) -> (B, T, text_width)."""
        return self.proj(hidden)


class PerceiverAttention(nn.Module):
    """Queries attend to a picture and to themselves."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_kv = nn.Linear(width, 2 * width, bias=False)
        self.to_out = nn.Linear(width, width, bias=False)

    def forward(self, hidden: Tensor, queries: Tensor) -> Tensor:
        """(B, T, width), (B, Q, width) -> (B, Q, width)."""
        queries = self.norm2(queries)
        keys, values = self.to_kv(torch.cat([self.norm1(hidden), queries], dim=1)).chunk(2, dim=-1)
        q, k, v = (
            part.unflatten(-1, (-1, HEAD_WIDTH)).transpose(1, 2)
            for part in (self.to_q(queries), keys, values)
        )
        return self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Resampler(nn.Module):
    """A vector for each part of a picture to a few tokens."""

    def __init__(self, config: IpAdapterConfig) -> None:
        super().__init__()
        width = config.inner_width
        self.latents = nn.Parameter(torch.empty(1, config.tokens, width))
        self.proj_in = nn.Linear(config.picture_width, width)
        self.proj_out = nn.Linear(width, config.text_width)
        self.norm_out = nn.LayerNorm(config.text_width)
        self.layers = nn.ModuleList(
            nn.ModuleList([PerceiverAttention(width), _feed_forward(width)]) for _ in range(config.layers)
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, T, picture_width) -> (B, tokens, text_width)."""
        hidden = self.proj_in(hidden)
        queries = self.latents.expand(len(hidden), -1, -1)
        for layer in self.layers:
            attention, feed_forward = cast("nn.ModuleList", layer)
            queries = attention(hidden, queries) + queries
            queries = feed_forward(queries) + queries
        return self.norm_out(self.proj_out(queries))


def _feed_forward(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, 4 * width, bias=False),
        nn.GELU(),
        nn.Linear(4 * width, width, bias=False),
    )


class KeysAndValues(nn.Module):
    """Those of one cross-attention."""

    def __init__(self, text_width: int, channels: int) -> None:
        super().__init__()
        self.to_k_ip = nn.Linear(text_width, channels, bias=False)
        self.to_v_ip = nn.Linear(text_width, channels, bias=False)


class IpAdapter(nn.Module):
    """Pictures to tokens, and tokens to what each cross-attention attends to."""

    def __init__(self, config: IpAdapterConfig) -> None:
        super().__init__()
        kinds = {"vector": VectorProjection, "resampler": Resampler, "each": EachProjection}
        self.config = config
        self.image_proj = kinds[config.projection](config)
        self.ip_adapter = nn.ModuleDict(
            {str(number): KeysAndValues(config.text_width, channels) for number, channels in config.pairs}
        )

    def forward(self, seen: Tensor) -> list[tuple[Tensor, Tensor]]:
        """What the encoder sees in N pictures, and in N that stand for nothing, (2, N, picture_width) or
        (2, N, T, picture_width) -> for each cross-attention keys and values (2, N * tokens, channels).
        """
        tokens = self.image_proj(seen.flatten(0, 1)).unflatten(0, seen.shape[:2]).flatten(1, 2)
        pairs = cast("list[KeysAndValues]", list(self.ip_adapter.values()))
        return [(pair.to_k_ip(tokens), pair.to_v_ip(tokens)) for pair in pairs]


def config_from(shapes: Shapes) -> IpAdapterConfig:
    """The configuration that the tensors show."""
    keys = {name: shape for name, shape in shapes.items() if name.endswith(_KEY)}
    pairs = tuple(sorted((int(name.split(".")[1]), shape[0]) for name, shape in keys.items()))
    text_width = next(iter(keys.values()))[1]
    if "image_proj.latents" in shapes:
        _, tokens, inner = shapes["image_proj.latents"]
        picture = shapes["image_proj.proj_in.weight"][1]
        layers = count_blocks(shapes, "image_proj.layers.")
        return IpAdapterConfig("resampler", picture, text_width, tokens, pairs, inner, layers)
    if "image_proj.proj.3.weight" in shapes:
        return IpAdapterConfig("each", shapes["image_proj.proj.0.weight"][1], text_width, 0, pairs)
    out, picture = shapes["image_proj.proj.weight"]
    return IpAdapterConfig("vector", picture, text_width, out // text_width, pairs)


PART = PartLayout((Place("", f"ip_adapter.1.{_KEY}"),), config_from)


@dataclass(frozen=True)
class Spot:
    """Where a cross-attention stands: in which half, `number`: of its transformer as computed, from 0."""

    half: Half
    number: int
    channels: int


def spots_of(config: SdUNetConfig) -> list[Spot]:
    """A U-Net's cross-attentions in the order in which files number them: the way down, up, the middle."""
    downs = [(level.channels, level.depth) for level in config.levels for _ in range(level.residual_blocks)]
    widths = [level.channels for level in reversed(config.levels) for _ in range(level.residual_blocks + 1)]
    ups = list(zip(widths, config.output_depths or config.level_depths, strict=True))
    middle = [(config.levels[-1].channels, config.middle_depth or 0)]
    spots: dict[Half, list[Spot]] = {"input": [], "middle": [], "output": []}
    number = 0
    # As computed, the middle comes between the others.
    parts: tuple[tuple[Half, list[tuple[int, int]]], ...] = (
        ("input", downs),
        ("middle", middle),
        ("output", ups),
    )
    for half, blocks in parts:
        for channels, depth in blocks:
            spots[half] += [Spot(half, number, channels)] * depth
            number += depth > 0
    return spots["input"] + spots["output"] + spots["middle"]


def cross_attentions(network: SdUNet) -> list[Attention]:
    """The modules at `spots_of`."""
    parts = (network.input_blocks, network.output_blocks, network.middle_block)
    return [
        block.attn2  # pyright: ignore[reportReturnType] -- blocks are TransformerBlocks
        for part in parts
        for module in part.modules()
        if isinstance(module, SpatialTransformer)
        for block in module.transformer_blocks
    ]


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture in one call of a network. pairs: for each cross-attention keys and values (B, T, C), None
    where it is not shown.  mask: (B, H, W) of the latent, how much it counts in each place.
    """

    pairs: Sequence[tuple[Tensor, Tensor] | None]
    mask: Tensor | None = None


@contextmanager
def attending_to_pictures(network: SdUNet, shown: Callable[[], Sequence[Shown]]) -> Generator[None]:
    """Adds to each cross-attention what it finds in the pictures that `shown` tells while a network runs."""
    with ExitStack() as stack:
        for place, attention in enumerate(cross_attentions(network)):
            for handle in _attend(attention, place, shown):
                stack.callback(handle.remove)
        yield


def _attend(attention: Attention, place: int, shown: Callable[[], Sequence[Shown]]) -> tuple[Any, Any]:
    queries: list[Tensor] = []

    def after_queries(_: nn.Module, __: tuple[Any, ...], found: Tensor) -> None:
        queries.append(found)

    def before_out(_: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        (mixed,) = arguments
        q = queries.pop()
        for picture in shown():
            if (pair := picture.pairs[place]) is not None:
                k, v = (attention.split(part.to(q)) for part in pair)
                found = F.scaled_dot_product_attention(attention.split(q), k, v).transpose(1, 2).flatten(2)
                mixed = mixed + (found if picture.mask is None else found * mask_tokens(picture.mask, found))
        return (mixed,)

    return (
        attention.to_q.register_forward_hook(after_queries),
        attention.to_out.register_forward_pre_hook(before_out),
    )


def mask_tokens(mask: Tensor, tokens: Tensor) -> Tensor:
    """The mask (B, H, W) of a latent at the resolution of a feature map's tokens (B, T, C): (B, T, 1)."""
    height, width = mask.shape[-2:]
    while height * width > tokens.shape[1]:
        # As convolutions halve them.
        height, width = -(-height // 2), -(-width // 2)
    small = F.interpolate(mask[:, None].float(), (height, width), mode="bilinear")
    return small.flatten(1)[..., None].to(tokens)
