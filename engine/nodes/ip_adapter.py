"""Nodes that prompt a model by pictures, under the names by which workflows know them from ComfyUI's
IPAdapter plus.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Literal, TypeAlias, cast

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.errors import BadInput, UnsupportedCheckpoint
from engine.graph.adaptations import PicturePrompt
from engine.graph.context import Context
from engine.graph.kinds import (
    ClipVision,
    Embeds,
    FileChoice,
    FloatWidget,
    Image,
    IpAdapter,
    Mask,
    Model,
    Tip,
)
from engine.graph.spec import node
from engine.models import ip_adapter as networks
from engine.models.clip_vision import ClipVisionConfig
from engine.models.detect import detect_part, find_family, find_place
from engine.models.ip_adapter import IpAdapterConfig, spots_of
from engine.models.known import find_known_denoiser, find_known_part
from engine.models.sd_unet import SdUNetConfig
from engine.nodes.clip_vision import encode_picture
from engine.nodes.model_files import handle_of
from engine.nodes.picture_weights import Scaling, ScalingKind, WeightKind, WeightType, scale, weights_at
from engine.nodes.resize import crop_to_aspect, repeat_to
from engine.weights.header import read_header

IpAdapterName = Annotated[str, FileChoice("ipadapter")]
Weight = Annotated[float, FloatWidget(-1, 5, step=0.05)]
EmbedsWeight = Annotated[float, FloatWidget(-1, 3, step=0.05)]
EncoderWeight = Annotated[float, FloatWidget(-1.0, 3.0, step=0.01)]
At = Annotated[float, FloatWidget(0.0, 1.0, step=0.001)]
Combination: TypeAlias = Literal["concat", "add", "subtract", "average", "norm average"]
Combine = Annotated[Combination, Tip("What becomes of several pictures.")]
EmbedsCombination: TypeAlias = Literal["concat", "add", "subtract", "average", "norm average", "max", "min"]


@node("IPAdapterModelLoader", category="ipadapter/loaders", title="IPAdapter Model Loader")
def ip_adapter_model_loader(*, ipadapter_file: IpAdapterName, ctx: Context) -> IpAdapter:
    """Loads an IP-Adapter for SD 1.5 or SDXL: base, plus or full."""
    path = ctx.models.resolve("ipadapter", ipadapter_file)
    shapes = read_header(path).shapes
    if find_place(shapes, networks.PART) is None:
        known = find_known_part(shapes) or find_known_denoiser(shapes) or "of no known kind"
        raise UnsupportedCheckpoint(f"{path.name} is no IP-Adapter; it is: {known}")
    detected = detect_part(shapes, networks.PART, f"{path.name}: the IP-Adapter")
    return IpAdapter(handle_of(path, "ip_adapter", "control", detected))


@node("IPAdapterAdvanced", category="ipadapter", title="IPAdapter Advanced")
def ip_adapter_advanced(
    *,
    model: Model,
    ipadapter: IpAdapter,
    image: Image,
    weight: Weight = 1.0,
    weight_type: WeightType,
    combine_embeds: Combine,
    start_at: At = 0.0,
    end_at: At = 1.0,
    embeds_scaling: Scaling,
    image_negative: Image | None = None,
    attn_mask: Mask | None = None,
    clip_vision: ClipVision | None = None,
    ctx: Context,
) -> Model:
    """Prompts the model by a picture, beside the text and pictures before it."""
    check_fit(ipadapter, model)
    encoder = require_encoder(ipadapter, clip_vision)
    positive = combine(see(ipadapter, encoder, image, ctx), combine_embeds)
    if image_negative is None:
        negative = see_nothing(ipadapter, encoder, positive, ctx)
    else:
        negative = combine(see(ipadapter, encoder, image_negative, ctx), combine_embeds)
    settings = Prompting(weight, weight_type, start_at, end_at, embeds_scaling, attn_mask)
    return prompt(model, ipadapter, (positive, negative), settings, ctx)


@node(
    "IPAdapterEncoder",
    category="ipadapter/embeds",
    title="IPAdapter Encoder",
    output_names=("pos_embed", "neg_embed"),
)
def ip_adapter_encoder(
    *,
    ipadapter: IpAdapter,
    image: Image,
    weight: EncoderWeight = 1.0,
    mask: Mask | None = None,
    clip_vision: ClipVision | None = None,
    ctx: Context,
) -> tuple[Embeds, Embeds]:
    """What the IP-Adapter takes of a picture, or of its masked part, and of nothing."""
    encoder = require_encoder(ipadapter, clip_vision)
    seen = see(ipadapter, encoder, image, ctx, mask)
    return Embeds(seen * weight), Embeds(see_nothing(ipadapter, encoder, seen, ctx))


@node("IPAdapterCombineEmbeds", category="ipadapter/embeds", title="IPAdapter Combine Embeds")
def ip_adapter_combine_embeds(
    *,
    embed1: Embeds,
    method: Annotated[EmbedsCombination, Tip("What becomes of several pictures.")],
    embed2: Embeds | None = None,
    embed3: Embeds | None = None,
    embed4: Embeds | None = None,
    embed5: Embeds | None = None,
) -> Embeds:
    """Makes one of what is seen in several pictures, or puts it side by side."""
    given = [each.values for each in (embed1, embed2, embed3, embed4, embed5) if each is not None]
    if len({each.shape[1:] for each in given}) > 1:
        shapes = ", ".join(str(list(each.shape[1:])) for each in given)
        raise BadInput(f"embeds of shapes {shapes} cannot be combined: encode all with the same IP-Adapter")
    return Embeds(combine(torch.cat(given), method))


@node("IPAdapterEmbeds", category="ipadapter/embeds", title="IPAdapter Embeds")
def ip_adapter_embeds(
    *,
    model: Model,
    ipadapter: IpAdapter,
    pos_embed: Embeds,
    weight: EmbedsWeight = 1.0,
    weight_type: WeightType,
    start_at: At = 0.0,
    end_at: At = 1.0,
    embeds_scaling: Scaling,
    neg_embed: Embeds | None = None,
    attn_mask: Mask | None = None,
    clip_vision: ClipVision | None = None,
    ctx: Context,
) -> Model:
    """Prompts the model by encoded pictures, beside the text and pictures before it."""
    check_fit(ipadapter, model)
    config = cast("IpAdapterConfig", ipadapter.handle.config)
    for name, embeds in (("pos_embed", pos_embed), ("neg_embed", neg_embed)):
        if embeds is not None:
            _check_embeds(name, embeds, ipadapter)
    if neg_embed is not None:
        negative = neg_embed.values
    elif clip_vision is None or not config.takes_patches:
        negative = torch.zeros_like(pos_embed.values)
    else:
        encoder = require_encoder(ipadapter, clip_vision)
        negative = see_nothing(ipadapter, encoder, pos_embed.values, ctx)
    settings = Prompting(weight, weight_type, start_at, end_at, embeds_scaling, attn_mask)
    return prompt(model, ipadapter, (pos_embed.values, negative), settings, ctx)


@dataclass(frozen=True, eq=False)
class Prompting:
    """How much a picture counts, where in the network, when on the way and where in the picture."""

    weight: float
    kind: WeightKind
    start: float
    end: float
    scaling: ScalingKind
    mask: Mask | None


def prompt(
    model: Model, adapter: IpAdapter, sides: tuple[Tensor, Tensor], settings: Prompting, ctx: Context
) -> Model:
    """The model, prompted besides. sides: what is seen in pictures (N, ...), in those to move away from."""
    placement = ctx.pool.placement
    positive, negative = sides
    seen = torch.stack([positive, repeat_to(negative, len(positive))])
    with torch.inference_mode(), ctx.pool.lease(adapter.handle) as module:
        pairs = cast("networks.IpAdapter", module)(seen.to(placement.device, placement.dtype_of("control")))
    spots = spots_of(cast("SdUNetConfig", model.handle.config))
    is_large = find_family(model.handle.family).vector is not None
    weights = weights_at(spots, settings.weight, settings.kind, is_large=is_large)
    made = PicturePrompt(
        tuple(
            None if weight == 0 else scale(keys.float().cpu(), values.float().cpu(), weight, settings.scaling)
            for (keys, values), weight in zip(pairs, weights, strict=True)
        ),
        settings.start,
        settings.end,
        None if settings.mask is None else settings.mask.values,
    )
    return replace(model, adaptations=(*model.adaptations, made))


def see(
    adapter: IpAdapter, encoder: ClipVision, image: Image, ctx: Context, mask: Mask | None = None
) -> Tensor:
    """What the adapter takes of pictures: a vector each (N, D), or one for each part (N, T, D)."""
    takes_patches = cast("IpAdapterConfig", adapter.handle.config).takes_patches
    visible = None
    if mask is not None:
        side = cast("ClipVisionConfig", encoder.handle.config).side_px
        square = crop_to_aspect(mask.values[:, None], side, side)
        visible = F.interpolate(square, (side, side), mode="bicubic", antialias=True)
    output = encode_picture(encoder, image, ctx, visible=visible)
    return output.penultimate if takes_patches else output.embeds


def see_nothing(adapter: IpAdapter, encoder: ClipVision, like: Tensor, ctx: Context) -> Tensor:
    """As many that stand for no picture: of black, or zeros for an adapter of one vector a picture."""
    if not cast("IpAdapterConfig", adapter.handle.config).takes_patches:
        return torch.zeros_like(like)
    side = cast("ClipVisionConfig", encoder.handle.config).side_px
    return see(adapter, encoder, Image(torch.zeros(1, side, side, 3)), ctx).expand_as(like)


def combine(seen: Tensor, combination: EmbedsCombination) -> Tensor:
    """What is seen in N pictures (N, ...) as of one (1, ...); concat leaves N."""
    first, rest = seen[:1], seen[1:]
    if combination == "concat" or not len(rest):
        return seen
    match combination:
        case "add":
            return seen.sum(dim=0, keepdim=True)
        case "subtract":
            return first - rest.mean(dim=0, keepdim=True)
        case "average":
            return seen.mean(dim=0, keepdim=True)
        case "norm average":
            return (seen / seen.norm(dim=0, keepdim=True)).mean(dim=0, keepdim=True)
        case "max":
            return seen.amax(dim=0, keepdim=True)
        case "min":
            return seen.amin(dim=0, keepdim=True)


def check_fit(adapter: IpAdapter, model: Model) -> None:
    """Raises BadInput for an adapter of another family."""
    config = cast("IpAdapterConfig", adapter.handle.config)
    unet, family = cast("SdUNetConfig", model.handle.config), find_family(model.handle.family)
    channels = [spot.channels for spot in spots_of(unet)]
    if config.text_width != unet.context_width or [width for _, width in config.pairs] != channels:
        raise BadInput(
            f"{adapter.handle.path.name} was made for networks of another kind than"
            f" {model.handle.path.name} ({family.title}): take an IP-Adapter for that family"
        )


def require_encoder(adapter: IpAdapter, encoder: ClipVision | None) -> ClipVision:
    """The vision encoder. Raises BadInput where there is none, or not the adapter's."""
    if encoder is None:
        raise BadInput("clip_vision is not connected: load the vision encoder that the IP-Adapter belongs to")
    config = cast("IpAdapterConfig", adapter.handle.config)
    vision = cast("ClipVisionConfig", encoder.handle.config)
    width = vision.width if config.takes_patches else vision.projected_width
    if width != config.picture_width:
        raise BadInput(
            f"{adapter.handle.path.name} takes vectors of {config.picture_width} numbers,"
            f" {encoder.handle.path.name} gives {width}:"
            " load the vision encoder that the IP-Adapter belongs to"
        )
    return encoder


def _check_embeds(name: str, embeds: Embeds, adapter: IpAdapter) -> None:
    config = cast("IpAdapterConfig", adapter.handle.config)
    shape = embeds.values.shape
    if len(shape) != (3 if config.takes_patches else 2) or shape[-1] != config.picture_width:
        raise BadInput(
            f"{name} has shape {list(shape)}, which {adapter.handle.path.name} does not take:"
            " encode the picture with this IP-Adapter"
        )
