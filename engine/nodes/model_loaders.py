"""Nodes that name parts of models which lie in files of their own, and checkpoints with a configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal, cast

from engine.errors import BadInput
from engine.graph.context import Context
from engine.graph.folders import TINY_VAES
from engine.graph.kinds import Choice, Clip, FileChoice, Model, Parametrisation, Tip, Vae
from engine.graph.spec import node
from engine.models import parts, sd1, sd2, sdxl, sdxl_refiner, taesd
from engine.models.clip_text import ClipTextConfig
from engine.models.detect import DetectedPart, detect_denoiser, detect_part
from engine.models.family import Family
from engine.nodes.loaders import CheckpointName, checkpoint_loader_simple
from engine.nodes.model_files import handle_of, model_of
from engine.nodes.tiny_vae import tiny_vae, whole_tiny_vae
from engine.residency.handle import Handle, Storage
from engine.weights.header import read_header

UnetName = Annotated[str, FileChoice("diffusion_models")]
VaeName = Annotated[str, FileChoice("vae")]
ClipName = Annotated[str, FileChoice("text_encoders")]
# Where encoders lie is the pool's decision.
Device = Annotated[Literal["default", "cpu"], Tip("Kept for old workflows; changes nothing.")]
WeightDtype = Annotated[
    Literal["default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"],
    Tip("The precision that weights are rounded to. _fast rounds like the kind without it."),
]

_STORAGE: Mapping[str, Storage] = {
    "fp8_e4m3fn": "fp8_e4m3fn",
    "fp8_e4m3fn_fast": "fp8_e4m3fn",
    "fp8_e5m2": "fp8_e5m2",
}

# How many layers tell OpenCLIP's encoders; CLIP-L has 12.
H_LAYERS, G_LAYERS = 23, 31
# diffusers saves H without its last layer, which SD 2 never asks.
H_LAYERS_IN_DIFFUSERS = 23


@dataclass(frozen=True)
class _Encoder:
    """A text encoder in a file of its own, and the family that is told by it alone."""

    path: Path
    family: Family
    detected: DetectedPart

    @property
    def config(self) -> ClipTextConfig:
        return cast("ClipTextConfig", self.detected.config)

    def handle(self, family: Family) -> Handle:
        """Its handle for use in that family."""
        return handle_of(self.path, family.name, "clip", self.detected)


@node("UNETLoader", category="advanced/loaders", title="Load Diffusion Model")
def unet_loader(*, unet_name: UnetName, weight_dtype: WeightDtype, ctx: Context) -> Model:
    """Loads a denoising network from a file of its own, in the released or in diffusers' layout."""
    path = ctx.models.resolve("diffusion_models", unet_name)
    header = read_header(path)
    family, unet = detect_denoiser(header.shapes, path.name)
    return model_of(header, family, unet, storage=_STORAGE.get(weight_dtype))


@node("VAELoader", category="loaders", title="Load VAE")
def vae_loader(*, vae_name: VaeName, ctx: Context) -> Vae:
    """Loads a VAE from a file of its own, in the released or in diffusers' layout, or a tiny one (TAESD)."""
    if vae_name in TINY_VAES:
        return Vae(tiny_vae(vae_name, ctx.models))
    path = ctx.models.resolve("vae", vae_name)
    shapes = read_header(path).shapes
    if taesd.WHOLE_MARKER in shapes:
        return Vae(whole_tiny_vae(path))
    detected = detect_part(shapes, parts.VAE, f"{path.name}: the VAE")
    # The VAEs of all families are one architecture; whose latents it speaks, no tensor tells.
    return Vae(handle_of(path, "kl_vae", "vae", detected))


@node("CLIPLoader", category="advanced/loaders", title="Load CLIP")
def clip_loader(
    *,
    clip_name: ClipName,
    type: Literal["stable_diffusion"],
    device: Device | None = None,
    ctx: Context,
) -> Clip:
    """Loads a text encoder: CLIP-L for SD 1, OpenCLIP's H for SD 2, its bigG for SDXL's refiner."""
    encoder = _find_encoder(clip_name, ctx)
    is_cut = encoder.family is sd2.FAMILY and encoder.config.layers == H_LAYERS_IN_DIFFUSERS
    return Clip(encoder.handle(encoder.family), last_layer=-1 if is_cut else None)


@node("DualCLIPLoader", category="advanced/loaders", title="DualCLIPLoader")
def dual_clip_loader(
    *,
    clip_name1: ClipName,
    clip_name2: ClipName,
    type: Literal["sdxl"],
    device: Device | None = None,
    ctx: Context,
) -> Clip:
    """Loads SDXL's text encoders CLIP-L and bigG, in any order."""
    encoders = [_find_encoder(name, ctx) for name in (clip_name1, clip_name2)]
    found = {encoder.family.name: encoder for encoder in encoders}
    left, right = found.get(sd1.FAMILY.name), found.get(sdxl_refiner.FAMILY.name)
    if left is None or right is None:
        raise BadInput(
            f"SDXL takes CLIP-L and OpenCLIP's bigG; {clip_name1} and {clip_name2} are not these two"
        )
    return Clip(left.handle(sdxl.FAMILY), right.handle(sdxl.FAMILY))


def _find_encoder(name: str, ctx: Context) -> _Encoder:
    """The encoder in a file, told by its number of layers. Raises BadInput."""
    path = ctx.models.resolve("text_encoders", name)
    shapes, title = read_header(path).shapes, f"{path.name}: the text encoder"
    layers = cast("ClipTextConfig", detect_part(shapes, parts.clip_l(), title).config).layers
    if layers < H_LAYERS:
        return _Encoder(path, sd1.FAMILY, detect_part(shapes, parts.clip_l(), title))
    family = sdxl_refiner.FAMILY if layers >= G_LAYERS else sd2.FAMILY
    encoder = _Encoder(path, family, detect_part(shapes, parts.open_clip_at(), title))
    if family is sdxl_refiner.FAMILY and encoder.config.pooled_width is None:
        raise BadInput(f"{title} lacks the tensor 'text_projection.weight', without which SDXL cannot use it")
    return encoder


@dataclass(frozen=True)
class _Configuration:
    """What a configuration file of the first releases says that a checkpoint may leave open."""

    prediction: Literal["eps", "v"] = "eps"
    last_layer: int | None = None


_CONFIGURATIONS: Mapping[str, _Configuration] = {
    "anything_v3.yaml": _Configuration(last_layer=-2),
    "v1-inference.yaml": _Configuration(),
    "v1-inference_clip_skip_2.yaml": _Configuration(last_layer=-2),
    "v1-inference_clip_skip_2_fp16.yaml": _Configuration(last_layer=-2),
    "v1-inference_fp16.yaml": _Configuration(),
    "v1-inpainting-inference.yaml": _Configuration(),
    "v2-inference-v.yaml": _Configuration(prediction="v"),
    "v2-inference-v_fp32.yaml": _Configuration(prediction="v"),
    "v2-inference.yaml": _Configuration(),
    "v2-inference_fp32.yaml": _Configuration(),
    "v2-inpainting-inference.yaml": _Configuration(),
}
ConfigName = Annotated[
    str, Choice(tuple(_CONFIGURATIONS)), Tip("Says what is predicted, and by which layer texts are encoded.")
]


@node("CheckpointLoader", category="advanced/loaders", title="Load Checkpoint With Config (DEPRECATED)")
def checkpoint_loader(
    *, config_name: ConfigName, ckpt_name: CheckpointName, ctx: Context
) -> tuple[Model, Clip, Vae]:
    """As Load Checkpoint, with the prediction and the text encoder's layer that the configuration names."""
    configuration = _CONFIGURATIONS[config_name]
    model, clip, vae = checkpoint_loader_simple(ckpt_name=ckpt_name, ctx=ctx)
    return (
        replace(model, parametrisation=Parametrisation(configuration.prediction)),
        replace(clip, last_layer=configuration.last_layer),
        vae,
    )
