"""Control networks bound to a picture and to the model that they control."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import torch
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import ControlHint, ControlNetwork, Model
from engine.models.controlnet import ControlNet, ControlNetConfig
from engine.models.detect import find_family
from engine.models.sd_unet import Residuals, SdUNetConfig
from engine.models.t2i_adapter import SMALL, T2IAdapter, T2IAdapterConfig, residuals_of
from engine.models.t2i_adapter_light import LightAdapter, LightAdapterConfig
from engine.nodes.resize import crop_to_aspect, resize
from engine.residency.handle import Handle
from engine.residency.pool import Pool
from engine.sampling.denoiser import Condition
from engine.sampling.sigmas import DiscreteSigmas


def bind_control(hint: ControlHint, model: Model, sigmas: DiscreteSigmas, pool: Pool) -> "BoundControl":
    """The hint with all before it. Raises BadInput where a network does not fit the model."""
    check_fit(hint.network, model)
    return BoundControl(
        hint,
        model,
        pool,
        (sigmas.sigma_at_percent(hint.start), sigmas.sigma_at_percent(hint.end)),
        hint.previous and bind_control(hint.previous, model, sigmas, pool),
    )


@dataclass(frozen=True)
class BoundControl:
    """What is told during one sampling run. Equal where it comes from one hint.

    span: the noisiest and the cleanest level at which it counts.
    """

    hint: ControlHint
    model: Model = field(compare=False)
    pool: Pool = field(compare=False)
    span: tuple[float, float] = field(compare=False)
    previous: "BoundControl | None" = field(compare=False)
    # An adapter's maps follow from the picture alone.
    _maps: dict[torch.Size, list[Tensor]] = field(
        default_factory=dict[torch.Size, list[Tensor]], compare=False
    )

    def __call__(self, x: Tensor, sigma: float, timestep: Tensor, condition: Condition) -> Residuals | None:
        """The sum of what all hints say at that level; None where none says anything."""
        told = self.previous and self.previous(x, sigma, timestep, condition)
        start, end = self.span
        if not end <= sigma <= start:
            return told
        own = self._residuals(x, timestep, condition)
        if self.hint.network.is_pooled:
            own = _pool(own)
        own = own.scaled(self.hint.strength)
        return own if told is None else told + own

    def _residuals(self, x: Tensor, timestep: Tensor, condition: Condition) -> Residuals:
        dtype = self.pool.placement.dtype_of("control")
        with self.pool.lease(self._handle) as module:
            if isinstance(module, T2IAdapter | LightAdapter):
                return self._adapt(module, x, condition.parts)
            vector = None if condition.vector is None else condition.vector.to(dtype)
            height, width = (side * self._factor for side in x.shape[-2:])
            picture = _repeat(self._fit(width, height), len(x), condition.parts)
            text = condition.text.to(dtype)
            picture = picture.to(x.device, dtype)
            task = self.hint.network.task
            return cast("ControlNet", module)(x.to(dtype), picture, timestep, text, vector, task)

    def _adapt(self, adapter: T2IAdapter | LightAdapter, x: Tensor, parts: int) -> Residuals:
        factor, size = adapter.config.factor, x.shape[-2:]
        if size not in self._maps:
            # Whole cells of the adapter, which may be larger than the latent's.
            height, width = (math.ceil(side * self._factor / factor) * factor for side in size)
            picture = self._fit(width, height)
            if adapter.config.channels == 1:
                picture = picture.mean(dim=1, keepdim=True)
            self._maps[size] = adapter(picture.to(x.device, self.pool.placement.dtype_of("control")))
        maps = [_repeat(found, len(x), parts) for found in self._maps[size]]
        return residuals_of(maps, factor, _unet_of(self.model).levels[0].residual_blocks)

    @property
    def _handle(self) -> Handle:
        """The network's weights, whole."""
        network = self.hint.network
        return replace(network.handle, rest=self.model.handle) if network.is_partial else network.handle

    @property
    def _factor(self) -> int:
        """Pixels a latent cell."""
        return find_family(self.model.handle.family).latent.factor

    def _fit(self, width: int, height: int) -> Tensor:
        """The middle of the picture in that size, (B, 3, height, width)."""
        picture = self.hint.picture[..., :3].movedim(-1, 1)
        return resize(crop_to_aspect(picture, width, height), width, height, "nearest-exact")


def _repeat(pictures: Tensor, batch: int, parts: int) -> Tensor:
    """One for each sample of `parts` joined batches; a single one as it is, since it fits all."""
    if len(pictures) == 1:
        return pictures
    return pictures[(torch.arange(batch // parts) % len(pictures)).repeat(parts)]


def _pool(residuals: Residuals) -> Residuals:
    def mean(tensor: Tensor) -> Tensor:
        return tensor.mean(dim=(2, 3), keepdim=True).expand_as(tensor)

    return Residuals(
        {number: mean(feature) for number, feature in residuals.features.items()},
        [mean(skip) for skip in residuals.skips],
        None if residuals.middle is None else mean(residuals.middle),
    )


def _unet_of(model: Model) -> SdUNetConfig:
    return cast("SdUNetConfig", model.handle.config)


def check_fit(network: ControlNetwork, model: Model) -> None:
    """Raises BadInput for a network that was made for models of another kind."""
    unet, config = _unet_of(model), network.handle.config
    widths: Sequence[int] = [level.channels for level in unet.levels]
    if isinstance(config, T2IAdapterConfig | LightAdapterConfig):
        expected = [*widths] if config.factor == SMALL else [*widths, widths[-1]]
        # A light adapter may leave the last level alone.
        is_light = isinstance(config, LightAdapterConfig)
        is_fit = [*config.widths] == (expected[: len(config.widths)] if is_light else expected)
    else:
        half = cast("ControlNetConfig", config).half
        _check_task(network, cast("ControlNetConfig", config))
        is_fit = (
            [(level.channels, level.residual_blocks) for level in half.levels]
            == [(level.channels, level.residual_blocks) for level in unet.levels]
            and half.context_width in (0, unet.context_width)
            and half.vector_width == unet.vector_width
        )
    if not is_fit:
        family = find_family(model.handle.family)
        raise BadInput(
            f"{network.handle.path.name} controls networks of another kind than"
            f" {model.handle.path.name} ({family.title}): take a control network for that family"
        )


def _check_task(network: ControlNetwork, config: ControlNetConfig) -> None:
    tasks = config.tasks
    if tasks is not None and network.task is not None and network.task >= tasks.count:
        raise BadInput(
            f"{network.handle.path.name} knows {tasks.count} kinds of pictures, and the one that is set is"
            f" number {network.task + 1}: set one of the first {tasks.count}, or auto"
        )
