"""Prompts in API format that the tests run."""

from typing import Any

CHECKPOINT = "tiny.safetensors"

Prompt = dict[str, dict[str, Any]]


def call(class_type: str, **inputs: object) -> dict[str, Any]:
    """One node of a prompt."""
    return {"class_type": class_type, "inputs": inputs}


def txt2img(seed: int = 1, steps: int = 2, prefix: str = "made", text: str = "a cat") -> Prompt:
    """A picture of 64 × 64 pixels from a text."""
    return {
        "1": call("CheckpointLoaderSimple", ckpt_name=CHECKPOINT),
        "2": call("CLIPTextEncode", text=text, clip=["1", 1]),
        "3": call("CLIPTextEncode", text="blurry", clip=["1", 1]),
        "4": call("EmptyLatentImage", width=64, height=64, batch_size=1),
        "5": call(
            "KSampler",
            model=["1", 0],
            seed=seed,
            steps=steps,
            cfg=7.0,
            sampler_name="euler",
            scheduler="normal",
            positive=["2", 0],
            negative=["3", 0],
            latent_image=["4", 0],
            denoise=1.0,
        ),
        "6": call("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "7": call("SaveImage", images=["6", 0], filename_prefix=prefix),
    }


def copy_picture(name: str = "cat.png", prefix: str = "copy") -> Prompt:
    """A picture from the inputs, saved again: no model, so it is quick."""
    return {
        "1": call("LoadImage", image=name),
        "2": call("SaveImage", images=["1", 0], filename_prefix=prefix),
    }
