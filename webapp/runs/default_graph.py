"""The graph that a new workflow begins with: text to image."""

from collections.abc import Sequence

TITLE = "Text to image"
# Shown, and refused by validation, when there is no checkpoint at all.
NO_CHECKPOINT = "v1-5-pruned-emaonly.safetensors"


def default_workflow(checkpoints: Sequence[str]) -> dict[str, object]:
    """Title and API prompt, with the first of `checkpoints`."""
    return {"title": TITLE, "prompt": _text_to_image(checkpoints[0] if checkpoints else NO_CHECKPOINT)}


def _text_to_image(checkpoint: str) -> dict[str, object]:
    sampling = {
        "seed": 1,
        "steps": 20,
        "cfg": 7.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
        "model": ["4", 0],
        "positive": ["6", 0],
        "negative": ["7", 0],
        "latent_image": ["5", 0],
    }
    return {
        "4": _node("CheckpointLoaderSimple", ckpt_name=checkpoint),
        "5": _node("EmptyLatentImage", width=512, height=512, batch_size=1),
        "6": _node("CLIPTextEncode", text="a lighthouse on a cliff at dusk, oil painting", clip=["4", 1]),
        "7": _node("CLIPTextEncode", text="blurry, text", clip=["4", 1]),
        "3": {"class_type": "KSampler", "inputs": sampling},
        "8": _node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": _node("SaveImage", images=["8", 0], filename_prefix="Atelier"),
    }


def _node(class_type: str, **inputs: object) -> dict[str, object]:
    return {"class_type": class_type, "inputs": inputs}
