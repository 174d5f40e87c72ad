"""The example graphs, as API prompts on the demo model."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from engine.demo.examples.inputs import HOLE, HOUSE, SKETCH

Node: TypeAlias = Mapping[str, object]
Nodes: TypeAlias = Mapping[str, Node]
# A node's output: its id and which.
Link: TypeAlias = Sequence[object]

MODEL: Final = "demo.safetensors"
BLUEPRINT: Final = "demo-blueprint.safetensors"
EDGES: Final = "demo-edges.safetensors"
SAMPLING: Final = {"steps": 12, "cfg": 4.0, "sampler_name": "dpmpp_2m", "scheduler": "karras"}

CHECKPOINT: Final = {"4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": MODEL}}}
MODEL_OUT: Final = ("4", 0)
CLIP_OUT: Final = ("4", 1)
VAE_OUT: Final = ("4", 2)


def _node(class_type: str, **inputs: object) -> Node:
    written = {name: list(value) if isinstance(value, tuple) else value for name, value in inputs.items()}
    return {"class_type": class_type, "inputs": written}


def _words(positive: str, clip: Link = CLIP_OUT) -> Nodes:
    """ "6" and "7": what the picture shows, and an empty text to guide away from."""
    return {
        "6": _node("CLIPTextEncode", text=positive, clip=clip),
        "7": _node("CLIPTextEncode", text="", clip=clip),
    }


def _empty(width: int = 128, height: int = 128) -> Nodes:
    return {"5": _node("EmptyLatentImage", width=width, height=height, batch_size=1)}


def _sampler(
    seed: int,
    *,
    denoise: float = 1.0,
    model: Link = MODEL_OUT,
    positive: Link = ("6", 0),
    negative: Link = ("7", 0),
    latent: Link = ("5", 0),
) -> Node:
    links = {"model": model, "positive": positive, "negative": negative, "latent_image": latent}
    return _node("KSampler", **SAMPLING, **links, seed=seed, denoise=denoise)


def _saved(samples: Link = ("3", 0)) -> Nodes:
    return {
        "8": _node("VAEDecode", samples=samples, vae=VAE_OUT),
        "9": _node("SaveImage", images=("8", 0), filename_prefix="Atelier"),
    }


def _text_to_image() -> Nodes:
    return {**CHECKPOINT, **_words("a red boat on water"), **_empty(), "3": _sampler(7), **_saved()}


def _image_to_image() -> Nodes:
    return {
        **CHECKPOINT,
        **_words("a watercolour painting of a purple cat, on a light blue background"),
        "10": _node("LoadImage", image=SKETCH),
        "5": _node("VAEEncode", pixels=("10", 0), vae=VAE_OUT),
        "3": _sampler(4, denoise=0.75),
        **_saved(),
    }


def _areas() -> Nodes:
    """Two texts side by side; each rules its own half, and both a strip in the middle."""
    size = {"width": 128, "height": 128, "strength": 1.0}
    return {
        **CHECKPOINT,
        **_words("a large red house on grass"),
        "10": _node("CLIPTextEncode", text="a large green tree on grass", clip=CLIP_OUT),
        "11": _node("ConditioningSetArea", conditioning=("6", 0), x=0, y=0, **size),
        "12": _node("ConditioningSetArea", conditioning=("10", 0), x=96, y=0, **size),
        "13": _node("ConditioningCombine", conditioning_1=("11", 0), conditioning_2=("12", 0)),
        **_empty(width=224),
        "3": _sampler(4, positive=("13", 0)),
        **_saved(),
    }


def _style() -> Nodes:
    lora = _node(
        "LoraLoader",
        model=MODEL_OUT,
        clip=CLIP_OUT,
        lora_name=BLUEPRINT,
        strength_model=1.0,
        strength_clip=1.0,
    )
    return {
        **CHECKPOINT,
        "10": lora,
        **_words("a large yellow boat on water", clip=("10", 1)),
        **_empty(),
        "3": _sampler(5, model=("10", 0)),
        **_saved(),
    }


def _inpainting() -> Nodes:
    """The transparent part is painted; around it stay the pixels that were there."""
    return {
        **CHECKPOINT,
        **_words("a large yellow sun above a red boat on water"),
        "10": _node("LoadImage", image=HOLE),
        "5": _node("VAEEncodeForInpaint", pixels=("10", 0), vae=VAE_OUT, mask=("10", 1), grow_mask_by=6),
        "3": _sampler(7),
        "8": _node("VAEDecode", samples=("3", 0), vae=VAE_OUT),
        "11": _node(
            "ImageCompositeMasked",
            destination=("10", 0),
            source=("8", 0),
            mask=("10", 1),
            x=0,
            y=0,
            resize_source=False,
        ),
        "9": _node("SaveImage", images=("11", 0), filename_prefix="Atelier"),
    }


def _edges_then_larger() -> Nodes:
    """A drawing's edges lead the picture, and again when it is painted half as large again."""
    control = _node(
        "ControlNetApplyAdvanced",
        positive=("6", 0),
        negative=("7", 0),
        control_net=("12", 0),
        image=("11", 0),
        strength=1.0,
        start_percent=0.0,
        end_percent=1.0,
    )
    return {
        **CHECKPOINT,
        **_words("a red house on grass"),
        "10": _node("LoadImage", image=HOUSE),
        "11": _node("Canny", image=("10", 0), low_threshold=0.1, high_threshold=0.3),
        "12": _node("ControlNetLoader", control_net_name=EDGES),
        "13": control,
        **_empty(),
        "3": _sampler(1, positive=("13", 0), negative=("13", 1)),
        "14": _node("LatentUpscaleBy", samples=("3", 0), upscale_method="bicubic", scale_by=1.5),
        "15": _sampler(1, denoise=0.55, positive=("13", 0), negative=("13", 1), latent=("14", 0)),
        **_saved(("15", 0)),
    }


EXAMPLES: Final[Mapping[str, Nodes]] = {
    "textToImage": _text_to_image(),
    "imageToImage": _image_to_image(),
    "inpainting": _inpainting(),
    "areas": _areas(),
    "style": _style(),
    "edges": _edges_then_larger(),
}
