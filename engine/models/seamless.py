"""Networks whose pictures go on at the opposite edge, so that they can be laid side by side."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from engine.graph.adaptations import Seamless
from engine.models import kl_vae

# What is seen of the opposite edge: more than any convolution here reaches, and a multiple of all strides.
_MARGIN = 2


@contextmanager
def seamless(network: nn.Module, settings: Seamless) -> Generator[None]:
    """Let every convolution see what lies at the opposite edge, instead of zeros beyond the picture.

    Each is shown its input with a margin all around, and what it makes of the margin is cut off again; so it
    does not matter how the convolution itself is computed.
    """
    halving = [module for module in network.modules() if isinstance(module, kl_vae.Downsample)]
    inside = {id(part) for module in halving for part in module.modules()}
    wide = [module for module in network.modules() if _reaches_out(module) and id(module) not in inside]
    with ExitStack() as stack:
        for module in wide:
            _put_on(stack, module, settings, before=_MARGIN)
        for module in halving:
            # These pad at their far edges only.
            _put_on(stack, module, settings, before=0)
        yield


def _reaches_out(module: nn.Module) -> bool:
    """Whether it is a convolution that sees neighbours."""
    weight = getattr(module, "weight", None)
    return isinstance(weight, Tensor) and weight.ndim == 4 and weight.shape[-1] > 1


def _put_on(stack: ExitStack, module: nn.Module, settings: Seamless, *, before: int) -> None:
    margins = {axis: before for axis, is_on in ((-2, settings.down), (-1, settings.across)) if is_on}

    def widen(_: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        x, *rest = arguments
        for axis, margin in margins.items():
            x = _with_margins(x, axis, margin)
        return x, *rest

    def narrow(_: nn.Module, arguments: tuple[Any, ...], made: Tensor) -> Tensor:
        for axis, margin in margins.items():
            side = arguments[0].shape[axis] - margin - _MARGIN
            stride = 2 if made.shape[axis] < side else 1
            made = made.narrow(axis, margin // stride, -(-side // stride))
        return made

    stack.callback(module.register_forward_pre_hook(widen).remove)
    stack.callback(module.register_forward_hook(narrow).remove)


def _with_margins(x: Tensor, axis: int, before: int) -> Tensor:
    """With `before` elements of the far edge in front and _MARGIN of the near edge behind."""
    side = x.shape[axis]
    places = torch.arange(-before, side + _MARGIN, device=x.device) % side
    return x.index_select(axis, places).contiguous(memory_format=torch.channels_last)
