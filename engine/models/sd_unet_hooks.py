"""Changes to how an `SdUNet` computes, put on a leased network for a while and taken off again."""

import math
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from engine.graph.adaptations import FreeU, TokenMerging
from engine.models.sd_unet import Attention, SdUNet, SdUNetConfig, SpatialTransformer

# FreeU weakens the lowest frequencies of skips: so many on either side of the zeroth.
LOW_FREQUENCIES = 1
# Of each cell of so many tokens a side, one stands for those that are like it.
CELL = 2


@contextmanager
def free_u(network: SdUNet, settings: FreeU) -> Generator[None]:
    """Put FreeU on the blocks of the way up."""
    width = network.config.model_channels
    scales = {4 * width: (settings.b1, settings.s1), 2 * width: (settings.b2, settings.s2)}

    def change(skip_width: int) -> Callable[..., Any]:
        def before(_: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
            joined, *rest = arguments
            features, skip = joined.split([joined.shape[1] - skip_width, skip_width], dim=1)
            if features.shape[1] not in scales:
                return None
            backbone, damping = scales[features.shape[1]]
            stronger = strengthen(features, backbone, is_adaptive=settings.is_adaptive)
            return torch.cat([stronger, damp_low_frequencies(skip, damping)], dim=1), *rest

        return before

    with ExitStack() as stack:
        pairs = zip(network.output_blocks, reversed(skip_widths(network.config)), strict=True)
        for block, skip_width in pairs:
            handle = block.register_forward_pre_hook(change(skip_width))
            stack.callback(handle.remove)
        yield


def skip_widths(config: SdUNetConfig) -> list[int]:
    """Channels of what each block on the way down leaves for the way up."""
    widths = [config.model_channels]
    for number, level in enumerate(config.levels):
        if number > 0:
            widths.append(widths[-1])
        widths += [level.channels] * level.residual_blocks
    return widths


def strengthen(features: Tensor, factor: float, *, is_adaptive: bool) -> Tensor:
    """(B, C, H, W) with its first half of channels times `factor`; adaptive: times 1 where the mean over
    channels is least in the picture, times `factor` where it is largest (eq. 5 and 6 of the paper).
    """
    strength: Tensor | float = factor
    if is_adaptive:
        mean = features.mean(dim=1, keepdim=True)
        low, high = mean.amin(dim=(2, 3), keepdim=True), mean.amax(dim=(2, 3), keepdim=True)
        strength = (factor - 1) * (mean - low) / (high - low) + 1
    half = features.shape[1] // 2
    return torch.cat([features[:, :half] * strength, features[:, half:]], dim=1)


def damp_low_frequencies(skip: Tensor, factor: float) -> Tensor:
    """(B, C, H, W) with its lowest frequencies, zeroth included, times `factor`."""
    # Half precision has no transform for sides that are no power of 2.
    spectrum = torch.fft.fftshift(torch.fft.fft2(skip.float()), dim=(-2, -1))
    row, column = (side // 2 for side in skip.shape[-2:])
    near = LOW_FREQUENCIES
    spectrum[..., max(0, row - near) : row + near, max(0, column - near) : column + near] *= factor
    return torch.fft.ifft2(torch.fft.ifftshift(spectrum, dim=(-2, -1))).real.to(skip.dtype)


@contextmanager
def without_middle_self_attention(network: SdUNet) -> Generator[None]:
    """In the middle, every token attends to itself alone."""

    def after(part: nn.Module, arguments: tuple[Any, ...], _: Tensor) -> Tensor:
        attention = cast("Attention", part)
        return attention.to_out(attention.to_v(arguments[0]))

    with ExitStack() as stack:
        for attention in _self_attentions(network.middle_block):
            stack.callback(attention.register_forward_hook(after).remove)
        yield


@contextmanager
def token_merging(network: SdUNet, settings: TokenMerging) -> Generator[None]:
    """Merge tokens before and part them after each self-attention that sees the whole resolution.

    Which token of a cell stays is drawn from a seed of its own, so that runs repeat.
    """
    draws = torch.Generator().manual_seed(0)
    size: list[tuple[int, int]] = [(0, 0)]
    merged: list[Merge] = []

    def on_entry(_: nn.Module, arguments: tuple[Any, ...]) -> None:
        height, width = arguments[0].shape[-2:]
        size[0] = (height, width)

    def before(_: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        tokens: Tensor = arguments[0]
        if tokens.shape[1] != math.prod(size[0]):
            return None
        merged.append(Merge(tokens, size[0], int(tokens.shape[1] * settings.ratio), draws))
        return merged[-1].join(tokens), tokens

    def after(_: nn.Module, __: tuple[Any, ...], mixed: Tensor) -> Tensor:
        return merged.pop().part(mixed) if merged else mixed

    with ExitStack() as stack:
        stack.callback(network.register_forward_pre_hook(on_entry).remove)
        for attention in _self_attentions(network):
            stack.callback(attention.register_forward_pre_hook(before).remove)
            stack.callback(attention.register_forward_hook(after).remove)
        yield


class Merge:
    """Bipartite soft matching: the `count` tokens most like a kept one of another cell's choice join it.

    tokens: (B, H * W, C).  Those that are kept in any case are drawn, one a cell.
    """

    def __init__(self, tokens: Tensor, size: tuple[int, int], count: int, draws: torch.Generator) -> None:
        is_kept = draw_kept(size, draws).to(tokens.device)
        self.kept = is_kept.nonzero()[:, 0]
        self.others = (~is_kept).nonzero()[:, 0]
        self.total = tokens.shape[1]
        directions = tokens / tokens.norm(dim=-1, keepdim=True)
        likeness, partner = (directions[:, self.others] @ directions[:, self.kept].mT).max(dim=-1)
        order = likeness.argsort(dim=-1, descending=True)
        count = min(count, len(self.others))
        self.joined, self.alone = order[:, :count, None], order[:, count:, None]
        self.partner = partner[..., None].gather(1, self.joined)

    def join(self, tokens: Tensor) -> Tensor:
        """(B, T, C) -> (B, T - count, C): lone tokens, then the means of kept ones and those that joined."""
        others, kept = tokens[:, self.others], tokens[:, self.kept]
        joining = others.gather(1, _wide(self.joined, tokens))
        means = kept.scatter_reduce(1, _wide(self.partner, tokens), joining, "mean")
        return torch.cat([others.gather(1, _wide(self.alone, tokens)), means], dim=1)

    def part(self, tokens: Tensor) -> Tensor:
        """(B, T - count, C) -> (B, T, C): what joined gets what it joined has."""
        alone, kept = tokens.split([self.alone.shape[1], len(self.kept)], dim=1)
        others = tokens.new_empty(len(tokens), len(self.others), tokens.shape[-1])
        others.scatter_(1, _wide(self.alone, tokens), alone)
        others.scatter_(1, _wide(self.joined, tokens), kept.gather(1, _wide(self.partner, tokens)))
        parted = tokens.new_empty(len(tokens), self.total, tokens.shape[-1])
        parted[:, self.others], parted[:, self.kept] = others, kept
        return parted


def draw_kept(size: tuple[int, int], draws: torch.Generator) -> Tensor:
    """(H * W,) bool: one drawn token of each whole cell."""
    rows, columns = (side // CELL for side in size)
    choice = torch.randint(CELL * CELL, (rows, columns), generator=draws)
    is_kept = torch.zeros(size, dtype=torch.bool)
    row = torch.arange(rows)[:, None] * CELL + choice // CELL
    column = torch.arange(columns)[None] * CELL + choice % CELL
    is_kept[row, column] = True
    return is_kept.flatten()


def _wide(index: Tensor, tokens: Tensor) -> Tensor:
    """(B, N, 1) for all channels."""
    return index.expand(-1, -1, tokens.shape[-1])


def _self_attentions(part: nn.Module) -> list[Attention]:
    return [
        block.attn1  # pyright: ignore[reportReturnType] -- blocks are TransformerBlocks
        for transformer in part.modules()
        if isinstance(transformer, SpatialTransformer)
        for block in transformer.transformer_blocks
    ]
