"""ControlNet (Zhang et al. 2023, arXiv 2302.05543): a copy of a U-Net's way down that reads a picture of
edges, depth or poses, and tells the U-Net what to add to its inner values. Also networks of several tasks,
which are told what kind of picture they see (ControlNet++, github.com/xinsir6/ControlNetPlus).

In the released files' key names; diffusers' are read by `layout`.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor, nn

from engine.models.diffusers_layout import unet_layout
from engine.models.family import PartLayout, Place
from engine.models.sd_unet import (
    DownHalf,
    Residuals,
    SdUNetConfig,
    half_config_from,
    timestep_embedding,
)
from engine.weights.layout import Source
from engine.weights.shapes import Shapes, count_blocks

# Of the convolutions that bring the picture to the latent's size, from cldm.py of the release: no tensor
# shows a stride.
HINT_STRIDES = (1, 1, 2, 1, 2, 1, 2, 1)
# Numbers by which each task is told, as config.json of the release has it (addition_time_embed_dim).
TASK_WIDTH = 256
_HINT, _HINT_IN_DIFFUSERS = "input_hint_block.", "controlnet_cond_embedding."


@dataclass(frozen=True)
class Tasks:
    """How many kinds of pictures a network knows, and how many layers bring them into play."""

    count: int
    layers: int


@dataclass(frozen=True)
class ControlNetConfig:
    """`hint_widths`: channels of the picture, then after each of its convolutions. `half`: of the copy."""

    hint_widths: tuple[int, ...]
    half: SdUNetConfig
    tasks: Tasks | None = None

    def build(self) -> "ControlNet":
        """The network, with whatever weights the current default device gives."""
        return ControlNet(self)


class TaskAttention(nn.Module):
    """Attention of a single token: to itself alone, so that its value is all that counts."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width) -> (B, width)."""
        value = F.linear(x, self.in_proj_weight.chunk(3)[2], self.in_proj_bias.chunk(3)[2])
        return self.out_proj(value)


class TaskMlp(nn.Module):
    """Two linear layers around OpenAI's approximation of GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.c_fc(x)
        return self.c_proj(hidden * torch.sigmoid(1.702 * hidden))


class TaskLayer(nn.Module):
    """Attention and feed-forward, each with a norm before and a residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = TaskAttention(width)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = TaskMlp(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width) -> (B, width)."""
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class TaskEmbedding(nn.Module):
    """What the timestep's embedding learns of the task."""

    def __init__(self, count: int, time_width: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(count * TASK_WIDTH, time_width)
        self.linear_2 = nn.Linear(time_width, time_width)

    def forward(self, chosen: Tensor) -> Tensor:
        """(count,), 1 for the task and 0 for all others -> (1, time_width)."""
        told = timestep_embedding(chosen, TASK_WIDTH).flatten().to(self.linear_1.bias)
        return self.linear_2(F.silu(self.linear_1(told[None])))


class ControlNet(DownHalf):
    """Residuals for a U-Net, from what it is given and a picture."""

    def __init__(self, config: ControlNetConfig) -> None:
        super().__init__(config.half)
        layers: list[nn.Module] = []
        for (channels, width), stride in zip(pairwise(config.hint_widths), HINT_STRIDES, strict=True):
            layers += [nn.Conv2d(channels, width, 3, stride=stride, padding=1), nn.SiLU()]
        self.input_hint_block = nn.Sequential(*layers[:-1])
        self.zero_convs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, channels, 1)) for channels in self.skip_channels
        )
        deepest = config.half.levels[-1].channels
        self.middle_block_out = nn.Sequential(nn.Conv2d(deepest, deepest, 1))
        self.tasks = config.tasks
        if config.tasks is not None:
            width = config.half.model_channels
            self.task_embedding = nn.Parameter(torch.empty(config.tasks.count, width))
            self.transformer_layes = nn.ModuleList(  # so spelt in all files
                TaskLayer(width) for _ in range(config.tasks.layers)
            )
            self.spatial_ch_projs = nn.Linear(width, width)
            self.control_add_embedding = TaskEmbedding(config.tasks.count, config.half.time_width)

    def forward(
        self,
        x: Tensor,
        hint: Tensor,
        timestep: Tensor,
        context: Tensor,
        vector: Tensor | None = None,
        task: int | None = None,
    ) -> Residuals:
        """(B, in_channels, H, W), (B or 1, hint channels, 8 H, 8 W), and the rest as the U-Net takes it.

        task: of a network of several, below their count; None leaves it to the network.
        """
        time = self.embed_time(timestep, vector, x.dtype)
        guide: Tensor = self.input_hint_block(hint.contiguous(memory_format=torch.channels_last))
        if self.tasks is not None:
            time = time + self.control_add_embedding(self.choose(self.tasks.count, task, x))
            guide = guide if task is None else guide + self.weigh(guide, task)
        x = x.contiguous(memory_format=torch.channels_last)
        skips: list[Tensor] = []
        for number, (stage, zero) in enumerate(zip(self.input_blocks, self.zero_convs, strict=True)):
            x = stage(x, time, context, x.shape[2:])
            x = x + guide if number == 0 else x
            skips.append(zero(x))
        x = self.middle_block(x, time, context, x.shape[2:])
        return Residuals({}, skips, self.middle_block_out(x))

    def choose(self, count: int, task: int | None, like: Tensor) -> Tensor:
        """(count,), float32: 1 for the task and 0 for the others."""
        chosen = torch.zeros(count, device=like.device)
        if task is not None:
            chosen[task] = 1
        return chosen

    def weigh(self, guide: Tensor, task: int) -> Tensor:
        """What the task adds to each channel of the picture (B, C, H, W): (B, C, 1, 1)."""
        token = guide.mean(dim=(2, 3)) + self.task_embedding[task]
        for layer in self.transformer_layes:
            token = layer(token)
        return self.spatial_ch_projs(token)[..., None, None]


def config_from(shapes: Shapes) -> ControlNetConfig:
    """The configuration that the tensors show; `shapes` without any outer prefix."""
    names = [f"{_HINT}{2 * number}.weight" for number in range(len(HINT_STRIDES))]
    widths = (shapes[names[0]][1], *(shapes[name][0] for name in names))
    tasks = None
    if (embedding := shapes.get("task_embedding")) is not None:
        tasks = Tasks(embedding[0], count_blocks(shapes, "transformer_layes."))
    return ControlNetConfig(widths, half_config_from(shapes), tasks)


def layout(shapes: Shapes) -> dict[str, Source]:
    """Sources for a `ControlNet` in diffusers' names; what has no place in it keeps its name."""
    half = {name: shape for name, shape in shapes.items() if not name.startswith("controlnet_")}
    last = count_blocks(shapes, f"{_HINT_IN_DIFFUSERS}blocks.") + 1
    sources = unet_layout(half)
    for name, shape in shapes.items():
        if name not in half:
            sources[_name_of(name, last)] = Source(name, shape)
    return sources


def _name_of(name: str, last: int) -> str:
    """`last`: the number of the picture's last convolution."""
    head, *rest = name.split(".")
    if head == "controlnet_mid_block":
        return f"middle_block_out.0.{rest[0]}"
    if head == "controlnet_down_blocks":
        return f"zero_convs.{rest[0]}.0.{rest[1]}"
    numbers = {"conv_in": 0, "conv_out": last}
    stem = rest[0] if rest[0] in numbers else rest[1]
    number = numbers[stem] if stem in numbers else int(stem) + 1
    return f"{_HINT}{2 * number}.{rest[-1]}"


PART = PartLayout(
    (
        Place("control_model.", f"{_HINT}0.weight"),
        Place("", f"{_HINT}0.weight"),
        Place("", f"{_HINT_IN_DIFFUSERS}conv_in.weight", layout),
    ),
    config_from,
)
