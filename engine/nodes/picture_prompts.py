"""Pictures that a model is prompted by, shown to its network while it is sampled."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias, cast

import torch
from torch import Tensor, nn

from engine.graph.adaptations import PicturePrompt
from engine.graph.kinds import Model
from engine.models.ip_adapter import Shown, attending_to_pictures
from engine.models.sd_unet import SdUNet
from engine.nodes.denoising import sigmas_of
from engine.nodes.regions import fit_mask
from engine.sampling.denoiser import Condition

Predict: TypeAlias = Callable[[Tensor, float, Condition], Tensor]


@contextmanager
def prompting_by_pictures(
    model: Model, module: nn.Module, predict: Predict, device: torch.device
) -> Generator[Predict]:
    """`predict` as the model's pictures prompt it, for as long as the block runs. module: its network, on the
    device.
    """
    prompts = [_place(each, device) for each in model.adaptations if isinstance(each, PicturePrompt)]
    if not prompts:
        yield predict
        return
    sigmas = sigmas_of(model)
    spans = [(sigmas.sigma_at_percent(each.start), sigmas.sigma_at_percent(each.end)) for each in prompts]
    shown: list[Shown] = []

    def prompted(x: Tensor, sigma: float, condition: Condition) -> Tensor:
        shown[:] = [
            _show(prompt, x, condition)
            for prompt, (start, end) in zip(prompts, spans, strict=True)
            if end <= sigma <= start
        ]
        return predict(x, sigma, condition)

    with attending_to_pictures(cast("SdUNet", module), lambda: shown):
        yield prompted


def _place(prompt: PicturePrompt, device: torch.device) -> PicturePrompt:
    """The prompt with its keys and values on the device, once for all calls."""
    pairs = tuple(pair and (pair[0].to(device), pair[1].to(device)) for pair in prompt.pairs)
    return replace(prompt, pairs=pairs)


def _show(prompt: PicturePrompt, x: Tensor, condition: Condition) -> Shown:
    """Each sample its side's keys and values. A mask is of all that the network sees."""
    per_part = len(x) // condition.parts
    sides = torch.tensor(condition.are_negative, device=x.device).long().repeat_interleave(per_part)
    pairs = [pair and (pair[0][sides], pair[1][sides]) for pair in prompt.pairs]
    if prompt.mask is None:
        return Shown(pairs)
    mask = fit_mask(prompt.mask, x.shape[-2:])
    chosen = (torch.arange(per_part) % len(mask)).repeat(condition.parts)
    return Shown(pairs, mask[chosen].to(x.device))
