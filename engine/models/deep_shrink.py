"""A U-Net whose deep blocks see the picture smaller, which keeps large pictures in one piece (as known from
Deep Shrink).
"""

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.models.sd_unet import SdUNet


@dataclass(frozen=True)
class Shrinking:
    """block: of the way down, from which on the picture is smaller; keeps_skip: but not what it hands on.

    is_on: whether at this timestep (B,).  shrink: (B, C, H, W) to fewer cells.  grow: to a size again.
    """

    block: int
    keeps_skip: bool
    is_on: Callable[[Tensor], bool]
    shrink: Callable[[Tensor], Tensor]
    grow: Callable[[Tensor, torch.Size], Tensor]


class _Hooks:
    """What is put on the blocks."""

    def __init__(self, settings: Shrinking) -> None:
        self.settings = settings
        self.is_on = False
        self.last_skip = torch.Size()

    def enter(self, _: nn.Module, arguments: tuple[Any, ...]) -> None:
        self.is_on = self.settings.is_on(arguments[1])

    def shrink_input(self, _: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if not self.is_on:
            return None
        x, time, context, _size = arguments
        smaller = self.settings.shrink(x)
        return smaller, time, context, smaller.shape[2:]

    def shrink_output(self, _: nn.Module, __: tuple[Any, ...], made: Tensor) -> Tensor | None:
        return self.settings.shrink(made) if self.is_on else None

    def see_last_skip(self, _: nn.Module, __: tuple[Any, ...], made: Tensor) -> None:
        self.last_skip = made.shape[2:]

    def meet_last_skip(self, _: nn.Module, __: tuple[Any, ...], made: Tensor) -> Tensor | None:
        return self._grow(made, self.last_skip)

    def meet_skip(self, _: nn.Module, arguments: tuple[Any, ...], made: Tensor) -> Tensor | None:
        # What a block is told is the size of the skip that comes next.
        return self._grow(made, arguments[3])

    def _grow(self, made: Tensor, size: torch.Size) -> Tensor | None:
        return self.settings.grow(made, size) if self.is_on and made.shape[2:] != size else None


@contextmanager
def deep_shrink(network: SdUNet, settings: Shrinking) -> Generator[None]:
    """Put it on the blocks; a block that the network does not have changes nothing."""
    blocks, hooks = list(network.input_blocks), _Hooks(settings)
    handles = [network.register_forward_pre_hook(hooks.enter)]
    if settings.block < len(blocks) and settings.keeps_skip:
        following = [*blocks[1:], network.middle_block][settings.block]
        handles.append(following.register_forward_pre_hook(hooks.shrink_input))
    elif settings.block < len(blocks):
        handles.append(blocks[settings.block].register_forward_hook(hooks.shrink_output))
    handles.append(blocks[-1].register_forward_hook(hooks.see_last_skip))
    handles.append(network.middle_block.register_forward_hook(hooks.meet_last_skip))
    handles += [block.register_forward_hook(hooks.meet_skip) for block in network.output_blocks]
    with ExitStack() as stack:
        for handle in handles:
            stack.callback(handle.remove)
        yield
