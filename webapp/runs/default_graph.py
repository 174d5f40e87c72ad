"""The graph that a new workflow begins with: text to image."""

from collections.abc import Mapping, Sequence
from typing import Final

TITLE = "Text to image"
# Shown, and refused by validation, when there is no checkpoint at all.
NO_CHECKPOINT = "v1-5-pruned-emaonly.safetensors"
SAMPLING: Final = {"steps": 20, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal"}

# Ships with Atelier; made for small pictures of simple things.
DEMO = "demo.safetensors"
DEMO_PROMPT = "a red boat on water"
DEMO_SAMPLING: Final = {"steps": 12, "cfg": 4.0, "sampler_name": "dpmpp_2m", "scheduler": "karras"}


def default_workflow(checkpoints: Sequence[str]) -> dict[str, object]:
    """Title and API prompt: of the demo model where it is, else with the first of `checkpoints`."""
    if DEMO in checkpoints:
        return {
            "title": TITLE,
            "prompt": _text_to_image(DEMO, (DEMO_PROMPT, ""), size=128, sampling=DEMO_SAMPLING),
        }
    checkpoint = checkpoints[0] if checkpoints else NO_CHECKPOINT
    texts = ("a lighthouse on a cliff at dusk, oil painting", "blurry, text")
    return {"title": TITLE, "prompt": _text_to_image(checkpoint, texts, size=512, sampling=SAMPLING)}


def _text_to_image(
    checkpoint: str, texts: tuple[str, str], *, size: int, sampling: Mapping[str, object]
) -> dict[str, object]:
    positive, negative = texts
    ends = {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}
    return {
        "4": _node("CheckpointLoaderSimple", ckpt_name=checkpoint),
        "5": _node("EmptyLatentImage", width=size, height=size, batch_size=1),
        "6": _node("CLIPTextEncode", text=positive, clip=["4", 1]),
        "7": _node("CLIPTextEncode", text=negative, clip=["4", 1]),
        "3": _node("KSampler", seed=1, denoise=1.0, **sampling, **ends),
        "8": _node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": _node("SaveImage", images=["8", 0], filename_prefix="Atelier"),
    }


def _node(class_type: str, **inputs: object) -> dict[str, object]:
    return {"class_type": class_type, "inputs": inputs}
