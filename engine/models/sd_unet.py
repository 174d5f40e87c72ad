"""The U-Net of Stable Diffusion 1.x, 2.x and XL (Rombach et al. 2022, arXiv 2112.10752; Podell et al. 2023,
arXiv 2307.01952) in the released files' key names.

config -> blocks -> SdUNet -> config_from. Activations are channels-last in memory, so that the tokens of an
attention block are a view of its picture.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor, nn

from engine.weights.shapes import Shapes, count_blocks

# No tensor shows the number of heads; from the released v1-inference.yaml.
SD1_HEADS = 8
# SD 2 and SDXL, which have linear projections around their transformers, fix a head's width instead:
# num_head_channels of v2-inference.yaml and sd_xl_base.yaml.
HEAD_WIDTH = 64
GROUPS = 32
MAX_PERIOD = 10_000


@dataclass(frozen=True)
class Level:
    """One resolution: `depth` transformer blocks follow each of its residual blocks."""

    channels: int
    residual_blocks: int
    depth: int


@dataclass(frozen=True)
class SdUNetConfig:
    """All hyper-parameters; `levels` go from full resolution down, `context_width` is the text encoder's.

    `vector_width`: of what SDXL is told beside the text, None where nothing is.  `is_linear`: linear layers
    around the transformers, with heads of one width; otherwise 1x1 convolutions, with `heads` heads.
    `middle_depth` None: one residual block alone in the middle; `output_depths`: of each block on the way up
    where they are not the levels' (SSD-1B, Gupta et al. 2024, arXiv 2401.02677, has both).
    """

    in_channels: int
    out_channels: int
    model_channels: int
    context_width: int
    levels: tuple[Level, ...]
    middle_depth: int | None = 1
    heads: int = SD1_HEADS
    is_linear: bool = False
    vector_width: int | None = None
    output_depths: tuple[int, ...] | None = None

    @property
    def time_width(self) -> int:
        return 4 * self.model_channels

    @property
    def level_depths(self) -> tuple[int, ...]:
        """Transformer blocks of each block on the way up, as the levels have them."""
        return tuple(level.depth for level in reversed(self.levels) for _ in range(level.residual_blocks + 1))

    def heads_at(self, channels: int) -> int:
        """Attention heads of a transformer of that width."""
        return max(1, channels // HEAD_WIDTH) if self.is_linear else self.heads

    def build(self) -> "SdUNet":
        """The network, with whatever weights the current default device gives."""
        return SdUNet(self)


def timestep_embedding(timestep: Tensor, width: int) -> Tensor:
    """Cosines then sines of the timestep at geometric frequencies. (B,) -> (B, width), float32."""
    half = width // 2
    steps = torch.arange(half, dtype=torch.float32, device=timestep.device)
    angles = timestep.float()[:, None] * torch.exp(-math.log(MAX_PERIOD) * steps / half)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class ResBlock(nn.Module):
    """Two convolutions around the timestep's bias, and a skip."""

    def __init__(self, channels: int, out_channels: int, time_width: int) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(
            nn.GroupNorm(GROUPS, channels),
            nn.SiLU(inplace=True),
            nn.Conv2d(channels, out_channels, 3, padding=1),
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time_width, out_channels))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(GROUPS, out_channels),
            nn.SiLU(inplace=True),
            nn.Identity(),  # dropout while training: keeps the released numbering
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
        )
        self.skip_connection = (
            nn.Identity() if channels == out_channels else nn.Conv2d(channels, out_channels, 1)
        )

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """(B, C, H, W), (B, time_width) -> (B, out_channels, H, W)."""
        hidden: Tensor = self.in_layers(x)
        hidden += self.emb_layers(time)[:, :, None, None]
        hidden = self.out_layers(hidden)
        hidden += self.skip_connection(x)
        return hidden


class Attention(nn.Module):
    """Multi-head attention of `x` to `context`; to itself where no context is given."""

    def __init__(self, width: int, context_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context_width, width, bias=False)
        self.to_v = nn.Linear(context_width, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width))

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(B, T, width), (B, S, context_width) -> (B, T, width)."""
        source = x if context is None else context
        q, k, v = self.split(self.to_q(x)), self.split(self.to_k(source)), self.split(self.to_v(source))
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.to_out(mixed.transpose(1, 2).flatten(2))

    def split(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, heads, T, width / heads)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class GEGLU(nn.Module):
    """A projection gated by the GELU of another (Shazeer 2020, arXiv 2002.05202)."""

    def __init__(self, width: int, out_width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * out_width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, out_width)."""
        value, gate = self.proj(x).chunk(2, dim=-1)
        return F.gelu(gate).mul_(value)


class FeedForward(nn.Module):
    """The transformer's token-wise network; four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(GEGLU(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class TransformerBlock(nn.Module):
    """Self-attention, attention to the text, feed-forward; each with a norm before and a residual."""

    def __init__(self, width: int, context_width: int, heads: int) -> None:
        super().__init__()
        self.attn1 = Attention(width, width, heads)
        self.attn2 = Attention(width, context_width, heads)
        self.ff = FeedForward(width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.norm3 = nn.LayerNorm(width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, T, width), (B, S, context_width) -> (B, T, width)."""
        x = self.attn1(self.norm1(x)).add_(x)
        x = self.attn2(self.norm2(x), context).add_(x)
        return self.ff(self.norm3(x)).add_(x)


class SpatialTransformer(nn.Module):
    """Transformer blocks over the pixels of a feature map, between 1x1 convolutions or linear layers."""

    def __init__(self, width: int, depth: int, config: SdUNetConfig) -> None:
        super().__init__()
        self.is_linear = config.is_linear
        self.norm = nn.GroupNorm(GROUPS, width, eps=1e-6)
        self.proj_in = nn.Linear(width, width) if self.is_linear else nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList(
            TransformerBlock(width, config.context_width, config.heads_at(width)) for _ in range(depth)
        )
        self.proj_out = nn.Linear(width, width) if self.is_linear else nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, width, H, W), (B, S, context_width) -> (B, width, H, W)."""
        height = x.shape[2]
        normed = self.norm(x)
        # (B, C, H, W) -> (B, HW, C), which channels-last memory makes a view
        tokens = (normed if self.is_linear else self.proj_in(normed)).permute(0, 2, 3, 1).flatten(1, 2)
        tokens = self.proj_in(tokens) if self.is_linear else tokens
        for block in self.transformer_blocks:
            tokens = block(tokens, context)
        tokens = self.proj_out(tokens) if self.is_linear else tokens
        picture = tokens.unflatten(1, (height, -1)).permute(0, 3, 1, 2)  # (B, HW, C) -> (B, C, H, W)
        return (picture if self.is_linear else self.proj_out(picture)).add_(x)


class Downsample(nn.Module):
    """Halves the resolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x)


class Upsample(nn.Module):
    """Brings the picture to `size`: that of the skip it meets next, which may be odd."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, size: torch.Size) -> Tensor:
        return self.conv(F.interpolate(x, size=list(size), mode="nearest"))


class Stage(nn.ModuleList):
    """The parts of one numbered block; each is given what it takes."""

    @classmethod
    def of(cls, *parts: nn.Module) -> "Stage":
        """The stage of these parts, in order."""
        return cls(parts)

    def forward(self, x: Tensor, time: Tensor, context: Tensor, size: torch.Size) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W'); `size` (H, W) is where an upsampling goes."""
        for part in self:
            match part:
                case ResBlock():
                    x = part(x, time)
                case SpatialTransformer():
                    x = part(x, context)
                case Upsample():
                    x = part(x, size)
                case _:
                    x = part(x)
        return x


@dataclass(frozen=True, eq=False)
class Residuals:
    """What control networks add to a U-Net's inner values.

    features: to what an input block gives, by the block's number.  skips: to what each input block leaves for
    the way up, in their order, or nothing at all.  middle: to what the middle gives.
    """

    features: Mapping[int, Tensor]
    skips: Sequence[Tensor] = ()
    middle: Tensor | None = None

    def __add__(self, other: "Residuals") -> "Residuals":
        """Both networks' residuals."""
        features = {**self.features}
        for number, feature in other.features.items():
            features[number] = feature + features[number] if number in features else feature
        skips = (
            [a + b for a, b in zip(self.skips, other.skips, strict=True)]
            if self.skips and other.skips
            else []
        )
        middle = other.middle if self.middle is None else self.middle
        if self.middle is not None and other.middle is not None:
            middle = self.middle + other.middle
        return Residuals(features, skips or self.skips or other.skips, middle)

    def scaled(self, strength: float) -> "Residuals":
        """All of them, times the strength."""
        return Residuals(
            {number: feature * strength for number, feature in self.features.items()},
            [skip * strength for skip in self.skips],
            None if self.middle is None else self.middle * strength,
        )


class DownHalf(nn.Module):
    """The way down and the middle: what control networks are copies of. `skip_channels`: of every skip."""

    def __init__(self, config: SdUNetConfig) -> None:
        super().__init__()
        self.config = config
        self.time_embed = nn.Sequential(
            nn.Linear(config.model_channels, config.time_width),
            nn.SiLU(),
            nn.Linear(config.time_width, config.time_width),
        )
        if config.vector_width is not None:
            # One sequence inside another: the released numbering.
            self.label_emb = nn.Sequential(
                nn.Sequential(
                    nn.Linear(config.vector_width, config.time_width),
                    nn.SiLU(),
                    nn.Linear(config.time_width, config.time_width),
                )
            )
        stages, self.skip_channels = self.build_input()
        self.input_blocks = nn.ModuleList(stages)
        self.middle_block = self.build_middle()

    def transformer(self, channels: int, depth: int) -> list[SpatialTransformer]:
        """One spatial transformer, none where the depth is 0."""
        return [SpatialTransformer(channels, depth, self.config)] if depth else []

    def build_input(self) -> tuple[list[Stage], list[int]]:
        """The way down, and the channels of every skip it leaves."""
        config, width = self.config, self.config.model_channels
        stages = [Stage.of(nn.Conv2d(config.in_channels, width, 3, padding=1))]
        skips = [width]
        for number, level in enumerate(config.levels):
            if number > 0:
                stages.append(Stage.of(Downsample(width)))
                skips.append(width)
            for _ in range(level.residual_blocks):
                block = ResBlock(width, level.channels, config.time_width)
                stages.append(Stage.of(block, *self.transformer(level.channels, level.depth)))
                width = level.channels
                skips.append(width)
        return stages, skips

    def build_middle(self) -> Stage:
        """The lowest resolution's last stage."""
        config, deepest = self.config, self.config.levels[-1].channels
        first = ResBlock(deepest, deepest, config.time_width)
        if config.middle_depth is None:
            return Stage.of(first)
        last = ResBlock(deepest, deepest, config.time_width)
        # Reduced control networks keep the shell of a transformer without blocks here.
        return Stage.of(first, SpatialTransformer(deepest, config.middle_depth, config), last)

    def embed_time(self, timestep: Tensor, vector: Tensor | None, dtype: torch.dtype) -> Tensor:
        """(B,), (B, vector_width) -> (B, time_width)."""
        time: Tensor = self.time_embed(timestep_embedding(timestep, self.config.model_channels).to(dtype))
        return time if vector is None else time + self.label_emb(vector)


class SdUNet(DownHalf):
    """Predicts the noise (or velocity) in a latent from its timestep and the text."""

    def __init__(self, config: SdUNetConfig) -> None:
        super().__init__(config)
        self.output_blocks = nn.ModuleList(self.build_output([*self.skip_channels]))
        self.out = nn.Sequential(
            nn.GroupNorm(GROUPS, config.levels[0].channels),
            nn.SiLU(inplace=True),
            nn.Conv2d(config.levels[0].channels, config.out_channels, 3, padding=1),
        )

    def build_output(self, skips: list[int]) -> list[Stage]:
        """The way up: one residual block more a level than on the way down; each takes the latest skip."""
        config, width = self.config, self.config.levels[-1].channels
        depths = config.output_depths or config.level_depths
        stages: list[Stage] = []
        for number, level in reversed(list(enumerate(config.levels))):
            for index in range(level.residual_blocks + 1):
                block = ResBlock(width + skips.pop(), level.channels, config.time_width)
                width = level.channels
                is_last = index == level.residual_blocks and number > 0
                upsample = [Upsample(width)] if is_last else []
                stages.append(Stage.of(block, *self.transformer(width, depths[len(stages)]), *upsample))
        return stages

    def forward(
        self,
        x: Tensor,
        timestep: Tensor,
        context: Tensor,
        vector: Tensor | None = None,
        control: Residuals | None = None,
    ) -> Tensor:
        """(B, in_channels, H, W), (B,), (B, S, context_width), (B, vector_width) -> (B, out_channels, H, W).

        `vector` is given exactly where the configuration has a width for it.
        """
        time = self.embed_time(timestep, vector, x.dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        features = {} if control is None else control.features
        skips: list[Tensor] = []
        for number, stage in enumerate(self.input_blocks):
            x = stage(x, time, context, x.shape[2:])
            x = x + features[number] if number in features else x
            skips.append(x)
        x = self.middle_block(x, time, context, x.shape[2:])
        if control is not None:
            x = x if control.middle is None else x + control.middle
            skips = (
                [skip + more for skip, more in zip(skips, control.skips, strict=True)]
                if control.skips
                else skips
            )
        for stage in self.output_blocks:
            x = torch.cat([x, skips.pop()], dim=1)
            size = skips[-1].shape[2:] if skips else x.shape[2:]
            x = stage(x, time, context, size)
        return self.out(x)


def config_from(shapes: Shapes) -> SdUNetConfig:
    """The configuration that a U-Net's tensors show; `shapes` without any outer prefix."""
    config = replace(half_config_from(shapes), out_channels=shapes["out.2.weight"][0])
    ups = range(count_blocks(shapes, "output_blocks."))
    depths = tuple(count_blocks(shapes, f"output_blocks.{number}.1.transformer_blocks.") for number in ups)
    return config if depths == config.level_depths else replace(config, output_depths=depths)


def half_config_from(shapes: Shapes) -> SdUNetConfig:
    """The same of the way down and the middle, where nothing shows the output."""
    model_channels, in_channels, *_ = shapes["input_blocks.0.0.weight"]
    count = count_blocks(shapes, "input_blocks.")
    cuts = [number for number in range(count) if f"input_blocks.{number}.0.op.weight" in shapes]
    edges = [0, *cuts, count]
    vector = shapes.get("label_emb.0.0.weight")
    has_whole_middle = "middle_block.2.in_layers.0.weight" in shapes
    keys = [name for name in shapes if name.endswith("transformer_blocks.0.attn2.to_k.weight")]
    return SdUNetConfig(
        in_channels=in_channels,
        out_channels=in_channels,
        model_channels=model_channels,
        # Reduced control networks are told no text.
        context_width=shapes[keys[0]][1] if keys else 0,
        levels=tuple(_level(shapes, first + 1, end) for first, end in pairwise(edges)),
        middle_depth=count_blocks(shapes, "middle_block.1.transformer_blocks.") if has_whole_middle else None,
        is_linear=len(shapes[_first_ending(shapes, ".proj_in.weight")]) == 2,
        vector_width=None if vector is None else vector[1],
    )


def _first_ending(shapes: Shapes, ending: str) -> str:
    """A tensor's name that ends so. Raises KeyError."""
    name = next((name for name in shapes if name.endswith(ending)), None)
    if name is None:
        raise KeyError(ending)
    return name


def _level(shapes: Shapes, first: int, end: int) -> Level:
    """The level whose residual blocks are input_blocks `first` to `end` - 1."""
    return Level(
        channels=shapes[f"input_blocks.{first}.0.out_layers.3.weight"][0],
        residual_blocks=end - first,
        depth=count_blocks(shapes, f"input_blocks.{first}.1.transformer_blocks."),
    )
