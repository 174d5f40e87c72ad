"""What any model file is: its kind and its family, told by its tensors' names and shapes alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from engine.errors import UnsupportedCheckpoint
from engine.models import (
    clip_vision,
    control_lora,
    controlnet,
    ip_adapter,
    parts,
    rrdb,
    srvgg,
    t2i_adapter,
    t2i_adapter_light,
    taesd,
)
from engine.models.clip_text import ClipTextConfig
from engine.models.detect import DetectedPart, detect_checkpoint, detect_denoiser, detect_part, find_place
from engine.models.family import PartLayout
from engine.models.known import IMAGE_VAE, find_known
from engine.models.t2i_adapter import T2IAdapterConfig
from engine.models.t2i_adapter_light import LightAdapterConfig
from engine.weights.lora_names import find_parts
from engine.weights.shapes import Shapes

# In the order of their detection: what shares tensors with a later one comes first.
_CONTROLS: tuple[tuple[str, str, PartLayout], ...] = (
    ("controlnet", "Control-LoRA", control_lora.PART),
    ("controlnet", "ControlNet", controlnet.PART),
    ("t2i_adapter", "light T2I-Adapter", t2i_adapter_light.PART),
    ("t2i_adapter", "T2I-Adapter", t2i_adapter.PART),
    ("ip_adapter", "IP-Adapter", ip_adapter.PART),
    ("clip_vision", "CLIP vision encoder", clip_vision.PART),
    ("tiny_vae", "TAESD", taesd.WHOLE_FILE),
    ("tiny_vae", "TAESD encoder", taesd.ENCODER_FILE),
    ("tiny_vae", "TAESD decoder", taesd.DECODER_FILE),
    ("upscaler", "ESRGAN upscaler", rrdb.PART),
    ("upscaler", "compact Real-ESRGAN upscaler", srvgg.PART),
)
# By their layers.
_ENCODERS: tuple[tuple[int, str], ...] = ((31, "OpenCLIP bigG"), (23, "OpenCLIP H"), (0, "CLIP-L"))
_BUNDLE = "bundle_emb."
_ONE_FOR_ALL = ("emb_params", "string_to_param.*")
_OF_ENCODERS = frozenset({"clip_l", "clip_g", "t5xxl"})


@dataclass(frozen=True)
class Identity:
    """kind: "checkpoint", "diffusion_model", "vae", "lora" …  family: the family of denoising networks, and
    the kind again for what no family owns.  title: in people's words.  parts: the networks in the file.

    is_supported: whether a node loads it.
    """

    kind: str
    family: str
    title: str
    parts: Mapping[str, DetectedPart] = field(default_factory=dict[str, DetectedPart])
    is_supported: bool = True


_Find: TypeAlias = Callable[[Shapes, str], Identity | None]


def identify(shapes: Shapes, name: str) -> Identity:
    """What a file with these tensors is; `name` is the file's, for messages.

    Raises UnsupportedCheckpoint for a file of no known kind, for a denoising network that is known and not
    supported yet, and for a damaged one.
    """
    return next(identity for find in _FINDERS if (identity := find(shapes, name)))


def _changes(shapes: Shapes, name: str) -> Identity | None:
    """Files of weight changes: most of their tensors belong to changes."""
    if control_lora.MARK in shapes or ip_adapter.PART.places[0].marker in shapes:
        return None
    found, strange = find_parts(shapes)
    if not found or 2 * len(strange) > len(shapes):
        return None
    formats = sorted({part.kind for part in found})
    return Identity("lora", "lora", f"{' and '.join(formats)} of {len(found)} tensors")


def _vectors(shapes: Shapes, name: str) -> Identity | None:
    """Textual inversions: a few rows, and nothing else."""
    is_named = all(key in _OF_ENCODERS or key.startswith(_BUNDLE) for key in shapes)
    is_single = len(shapes) == 1 and all(len(shape) in (1, 2) for shape in shapes.values())
    if not shapes or not (is_named or is_single or any(key in shapes for key in _ONE_FOR_ALL)):
        return None
    return Identity("embedding", "embedding", "textual inversion")


def _checkpoint(shapes: Shapes, name: str) -> Identity | None:
    if not any(key.startswith(parts.UNET_PREFIX) for key in shapes) or find_place(shapes, parts.VAE) is None:
        return None
    found = detect_checkpoint(shapes, name)
    texts = {f"clip_{number}" if number > 1 else "clip": text for number, text in enumerate(found.texts, 1)}
    networks = {"unet": found.unet, **texts, "vae": found.vae}
    return Identity("checkpoint", found.family.name, found.family.title, networks)


def _adapter(shapes: Shapes, name: str) -> Identity | None:
    found = ((kind, title, part) for kind, title, part in _CONTROLS if find_place(shapes, part))
    kind, title, part = next(found, (None, "", None))
    if kind is None or part is None:
        return None
    network = detect_part(shapes, part, f"{name}: the {title}")
    return Identity(kind, _family_of(network, kind), title, {kind: network})


def _family_of(network: DetectedPart, kind: str) -> str:
    """T2I-Adapters tell by the cells that they begin with."""
    if kind != "t2i_adapter":
        return kind
    config = cast("T2IAdapterConfig | LightAdapterConfig", network.config)
    return "sdxl" if config.factor == t2i_adapter.LARGE else "sd1"


def _text_encoder(shapes: Shapes, name: str) -> Identity | None:
    if find_place(shapes, parts.clip_l()) is None:
        return None
    title = f"{name}: the text encoder"
    network = detect_part(shapes, parts.clip_l(), title)
    layers = cast("ClipTextConfig", network.config).layers
    if layers >= _ENCODERS[1][0]:
        network = detect_part(shapes, parts.open_clip_at(), title)
    encoder = next(encoder for least, encoder in _ENCODERS if layers >= least)
    return Identity("text_encoder", "text_encoder", f"{encoder} text encoder", {"clip": network})


def _vae(shapes: Shapes, name: str) -> Identity | None:
    known = find_known(shapes)
    # Others share the tensor that tells where it lies.
    if find_place(shapes, parts.VAE) is None or known is None or known.title != IMAGE_VAE:
        return None
    return Identity("vae", "vae", IMAGE_VAE, {"vae": detect_part(shapes, parts.VAE, f"{name}: the VAE")})


def _denoiser(shapes: Shapes, name: str) -> Identity | None:
    if find_place(shapes, parts.UNET) is None:
        return None
    family, network = detect_denoiser(shapes, name)
    return Identity("diffusion_model", family.name, family.title, {"unet": network})


def _known(shapes: Shapes, name: str) -> Identity:
    known = find_known(shapes)
    if known is None:
        raise UnsupportedCheckpoint(f"{name}: unknown: its tensors fit no kind of model file")
    if known.kind is None:
        raise UnsupportedCheckpoint(f"{name}: known, not supported yet: {known.title}")
    return Identity(known.kind, known.kind, known.title, is_supported=False)


_FINDERS: tuple[_Find, ...] = (
    _changes,
    _vectors,
    _checkpoint,
    _adapter,
    _text_encoder,
    _vae,
    _denoiser,
    _known,
)
