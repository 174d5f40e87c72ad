"""A model's adaptations, put to work when it is sampled."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import cast

import torch
from torch import Tensor, nn

from engine.graph.adaptations import DeepShrink, DifferentialMask, FreeU, Seamless, TokenMerging
from engine.graph.kinds import Model
from engine.models.deep_shrink import Shrinking, deep_shrink
from engine.models.sd_unet import SdUNet
from engine.models.sd_unet_hooks import free_u, token_merging, without_middle_self_attention
from engine.models.seamless import seamless
from engine.nodes.denoising import sigmas_of
from engine.nodes.resize import resize
from engine.sampling.denoiser import GuidedDenoiser
from engine.sampling.guidance import Guided
from engine.sampling.inpaint import MaskAt, same_mask
from engine.sampling.patches import AdaptedGuidance, GuidanceAdaptation, differential_mask


@contextmanager
def adapt_guided(model: Model, module: nn.Module, guided: Guided) -> Generator[GuidedDenoiser]:
    """The guided denoiser as the model's adaptations have it, for as long as the block runs.

    module: the model's network, leased.  guided: of two sides, the positive one first.
    """
    network = cast("SdUNet", module)
    with ExitStack() as stack:
        for adaptation in model.adaptations:
            match adaptation:
                case FreeU():
                    stack.enter_context(free_u(network, adaptation))
                case TokenMerging():
                    stack.enter_context(token_merging(network, adaptation))
                case Seamless():
                    stack.enter_context(seamless(network, adaptation))
                case DeepShrink():
                    stack.enter_context(deep_shrink(network, _shrinking(adaptation, model)))
                case _:
                    pass
        of_guidance = [found for found in model.adaptations if isinstance(found, GuidanceAdaptation)]
        if not of_guidance:
            yield guided
            return
        yield AdaptedGuidance(guided, of_guidance, lambda: without_middle_self_attention(network))


def _shrinking(settings: DeepShrink, model: Model) -> Shrinking:
    sigmas = sigmas_of(model)
    start, end = (sigmas.sigma_at_percent(share) for share in (settings.start, settings.end))

    def is_on(timestep: Tensor) -> bool:
        return end <= float(sigmas.sigma_at(timestep[0].float().cpu())) <= start

    def shrink(x: Tensor) -> Tensor:
        width, height = (max(1, round(side / settings.factor)) for side in (x.shape[-1], x.shape[-2]))
        return resize(x.float(), width, height, settings.shrink_method).to(x.dtype)

    def grow(x: Tensor, size: torch.Size) -> Tensor:
        return resize(x.float(), size[1], size[0], settings.grow_method).to(x.dtype)

    return Shrinking(settings.block, settings.keeps_skip, is_on, shrink, grow)


def mask_at_of(model: Model, levels: Tensor) -> MaskAt:
    """How masks change from level to level of a run."""
    found = [each for each in model.adaptations if isinstance(each, DifferentialMask)]
    return differential_mask(levels, sigmas_of(model), found[-1].strength) if found else same_mask
