"""Nodes that prompt a model by pictures, under the names by which workflows know them from ComfyUI's
IPAdapter plus.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Literal, TypeAlias, cast

import torch
from torch import Tensor

from engine.errors import BadInput, UnsupportedCheckpoint
from engine.graph.adaptations import PicturePrompt
from engine.graph.context import Context
from engine.graph.kinds import (
    ClipVision,
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
from engine.models.ip_adapter import IpAdapterConfig, Spot, spots_of
from engine.models.known import find_known_denoiser, find_known_part
from engine.models.sd_unet import SdUNetConfig
from engine.nodes.clip_vision import encode_picture
from engine.nodes.model_files import handle_of
from engine.nodes.resize import repeat_to
from engine.weights.header import read_header

IpAdapterName = Annotated[str, FileChoice("ipadapter")]
Weight = Annotated[float, FloatWidget(-1, 5, step=0.05)]
At = Annotated[float, FloatWidget(0.0, 1.0, step=0.001)]
WeightKind: TypeAlias = Literal[
    "linear",
    "ease in",
    "ease out",
    "ease in-out",
    "reverse in-out",
    "weak input",
    "weak output",
    "weak middle",
    "strong middle",
    "style transfer",
    "composition",
]
WeightType = Annotated[WeightKind, Tip("Where in the network the picture counts how much.")]
Combination: TypeAlias = Literal["concat", "add", "subtract", "average", "norm average"]
Combine = Annotated[Combination, Tip("What becomes of several pictures.")]
ScalingKind: TypeAlias = Literal["V only", "K+V", "K+V w/ C penalty", "K+mean(V) w/ C penalty"]
Scaling = Annotated[ScalingKind, Tip("What the weight is applied to.")]

# The least share of the weight at the ends of an ease, and that of a weak part.
_EASE, _WEAK = 0.05, 0.2
# The channels at which a penalty is 1.
_FULL_CHANNELS = 1280
# How much counts at which transformer. SDXL: Wang et al. 2024, InstantStyle (arXiv 2404.02733); the others:
# as people know it from IPAdapter plus.
_STYLE_XL, _COMPOSITION_XL = {6: 1.0}, {3: 1.0}
_STYLE: Mapping[int, float] = dict.fromkeys((0, 1, 2, 3, 9, 10, 11, 12, 13, 14, 15), 1.0)
_COMPOSITION = {4: 0.25, 5: 1.0}


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
    if clip_vision is None:
        raise BadInput("clip_vision is not connected: load the vision encoder that the IP-Adapter belongs to")
    check_fit(ipadapter, clip_vision, model)
    seen = see(ipadapter, clip_vision, (image, image_negative), combine_embeds, ctx)
    with torch.inference_mode(), ctx.pool.lease(ipadapter.handle) as module:
        pairs = cast("networks.IpAdapter", module)(seen)
    spots = spots_of(cast("SdUNetConfig", model.handle.config))
    weights = weights_at(spots, weight, weight_type, is_large=_is_large(model))
    prompt = PicturePrompt(
        tuple(
            None if share == 0 else _scale(keys.float().cpu(), values.float().cpu(), share, embeds_scaling)
            for (keys, values), share in zip(pairs, weights, strict=True)
        ),
        start_at,
        end_at,
        None if attn_mask is None else attn_mask.values,
    )
    return replace(model, adaptations=(*model.adaptations, prompt))


def see(
    adapter: IpAdapter,
    encoder: ClipVision,
    pictures: tuple[Image, Image | None],
    combination: Combination,
    ctx: Context,
) -> Tensor:
    """What the adapter takes (2, N, ...) of the pictures and of those to move away from; where there are
    none, of black, or zeros for an adapter of one vector a picture.
    """
    takes_patches = cast("IpAdapterConfig", adapter.handle.config).takes_patches
    side = cast("ClipVisionConfig", encoder.handle.config).side_px

    def encode(image: Image) -> Tensor:
        output = encode_picture(encoder, image, ctx)
        return combine(output.penultimate if takes_patches else output.embeds, combination)

    image, negative = pictures
    positive = encode(image)
    if negative is not None:
        other = repeat_to(encode(negative), len(positive))
    elif takes_patches:
        other = encode(Image(torch.zeros(1, side, side, 3))).expand_as(positive)
    else:
        other = torch.zeros_like(positive)
    placement = ctx.pool.placement
    return torch.stack([positive, other]).to(placement.device, placement.dtype_of("control"))


def combine(seen: Tensor, combination: Combination) -> Tensor:
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
        case _:
            return (seen / seen.norm(dim=0, keepdim=True)).mean(dim=0, keepdim=True)


def weights_at(spots: Sequence[Spot], weight: float, kind: WeightKind, *, is_large: bool) -> list[float]:
    """The weight at each cross-attention. is_large: of SDXL."""
    count = 1 + max(spot.number for spot in spots)
    return [weight * _share(spot, count, kind, is_large=is_large) for spot in spots]


def _share(spot: Spot, count: int, kind: WeightKind, *, is_large: bool) -> float:
    """Of one cross-attention; `count`: of the network's transformers."""
    place = spot.number / count
    from_middle = abs(2 * place - 1)
    eases = {
        "ease in": 1 - place,
        "ease out": place,
        "ease in-out": 1 - from_middle,
        "reverse in-out": from_middle,
    }
    if kind in eases:
        return _EASE + (1 - _EASE) * eases[kind]
    if kind == "style transfer":
        return (_STYLE_XL if is_large else _STYLE).get(spot.number, 0.0)
    if kind == "composition":
        return (_COMPOSITION_XL if is_large else _COMPOSITION).get(spot.number, 0.0)
    is_weak = kind == f"weak {spot.half}" or (kind == "strong middle" and spot.half != "middle")
    return _WEAK if is_weak else 1.0


def _scale(keys: Tensor, values: Tensor, weight: float, kind: ScalingKind) -> tuple[Tensor, Tensor]:
    """Keys and values (2, T, C) with the weight in them. A penalty C / 1280 evens out the layers' widths."""
    if kind == "V only":
        return keys, values * weight
    if kind == "K+V":
        return keys * weight, values * weight
    weight *= keys.shape[-1] / _FULL_CHANNELS
    if kind == "K+V w/ C penalty":
        return keys * weight, values * weight
    mean = values.mean(dim=1, keepdim=True)
    return keys * weight, values - mean + mean * weight


def _is_large(model: Model) -> bool:
    return find_family(model.handle.family).vector is not None


def check_fit(adapter: IpAdapter, encoder: ClipVision, model: Model) -> None:
    """Raises BadInput for an adapter of another family, or for another vision encoder."""
    config = cast("IpAdapterConfig", adapter.handle.config)
    unet, family = cast("SdUNetConfig", model.handle.config), find_family(model.handle.family)
    name = adapter.handle.path.name
    channels = [spot.channels for spot in spots_of(unet)]
    if config.text_width != unet.context_width or [width for _, width in config.pairs] != channels:
        raise BadInput(
            f"{name} was made for networks of another kind than {model.handle.path.name} ({family.title}):"
            " take an IP-Adapter for that family"
        )
    vision = cast("ClipVisionConfig", encoder.handle.config)
    width = vision.width if config.takes_patches else vision.projected_width
    if width != config.picture_width:
        raise BadInput(
            f"{name} takes vectors of {config.picture_width} numbers, {encoder.handle.path.name} gives"
            f" {width}: load the vision encoder that the IP-Adapter belongs to"
        )
