import json
import subprocess
import sys

import pytest

from engine import api
from engine.cli.catalog import NODE_PAGE, current_catalog, render_catalog
from engine.cli.node_page import render_node_page
from engine.nodes import NODES

CLASSES = [
    "CheckpointLoaderSimple",
    "CLIPTextEncode",
    "EmptyLatentImage",
    "KSampler",
    "VAEDecode",
    "VAEEncode",
    "LoadImage",
    "SaveImage",
    "PreviewImage",
    "SaveLatent",
    "LoadLatent",
    "LatentUpscale",
    "ImageScale",
]


def test_importing_the_door_and_reading_the_catalog_loads_no_torch() -> None:
    code = (
        "import sys; from engine import api; api.load_catalog();"
        "api.validate(api.parse_prompt({}), api.load_catalog(), api.ModelFolders(()));"
        "print(sorted({'torch', 'numpy', 'PIL', 'safetensors'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_catalog_and_its_page_are_fresh() -> None:
    """Otherwise: python -m engine catalog --write."""
    catalog = current_catalog()
    assert api.CATALOG_FILE.read_text(encoding="utf-8") == render_catalog(catalog)
    assert NODE_PAGE.read_text(encoding="utf-8") == render_node_page(catalog)


def test_the_catalog_has_all_nodes() -> None:
    assert list(api.load_catalog().nodes) == [spec.name for spec in NODES]
    assert set(CLASSES) <= set(api.load_catalog().nodes)


def test_every_name_of_the_door_is_there() -> None:
    assert [name for name in api.__all__ if not hasattr(api, name)] == []


INFO = json.loads(json.dumps(api.load_catalog().object_info(api.ModelFolders(()))))


def options_of(node: str, name: str) -> object:
    kind, options = INFO[node]["input"]["required"][name]
    return kind, {key: value for key, value in options.items() if key != "tooltip"}


# What ComfyUI 0.3.64 says of the same nodes.
@pytest.mark.parametrize(
    ("node", "name", "kind", "options"),
    [
        ("CLIPTextEncode", "text", "STRING", {"multiline": True, "dynamicPrompts": True}),
        ("EmptyLatentImage", "width", "INT", {"default": 512, "min": 16, "max": 16384, "step": 8}),
        ("EmptyLatentImage", "height", "INT", {"default": 512, "min": 16, "max": 16384, "step": 8}),
        ("EmptyLatentImage", "batch_size", "INT", {"default": 1, "min": 1, "max": 4096}),
        (
            "KSampler",
            "seed",
            "INT",
            {"default": 0, "min": 0, "max": 2**64 - 1, "control_after_generate": True},
        ),
        ("KSampler", "steps", "INT", {"default": 20, "min": 1, "max": 10000}),
        ("KSampler", "cfg", "FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1, "round": 0.01}),
        ("KSampler", "denoise", "FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.01}),
        ("SaveImage", "filename_prefix", "STRING", {"default": "ComfyUI"}),
        ("SaveLatent", "filename_prefix", "STRING", {"default": "latents/ComfyUI"}),
        ("LatentUpscale", "width", "INT", {"default": 512, "min": 0, "max": 16384, "step": 8}),
        ("LatentUpscale", "crop", ["disabled", "center"], {}),
        (
            "LatentUpscale",
            "upscale_method",
            ["nearest-exact", "bilinear", "area", "bicubic", "bislerp"],
            {},
        ),
        ("ImageScale", "height", "INT", {"default": 512, "min": 0, "max": 16384, "step": 1}),
        ("ImageScale", "upscale_method", ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"], {}),
        ("LoadImage", "image", [], {"image_upload": True}),
    ],
)
def test_widgets_are_comfyuis(node: str, name: str, kind: object, options: object) -> None:
    assert options_of(node, name) == (kind, options)


@pytest.mark.parametrize(
    ("node", "category", "inputs", "outputs"),
    [
        ("CheckpointLoaderSimple", "loaders", ["ckpt_name"], ["MODEL", "CLIP", "VAE"]),
        ("CLIPTextEncode", "conditioning", ["text", "clip"], ["CONDITIONING"]),
        ("EmptyLatentImage", "latent", ["width", "height", "batch_size"], ["LATENT"]),
        (
            "KSampler",
            "sampling",
            [
                "model",
                "seed",
                "steps",
                "cfg",
                "sampler_name",
                "scheduler",
                "positive",
                "negative",
                "latent_image",
                "denoise",
            ],
            ["LATENT"],
        ),
        ("VAEDecode", "latent", ["samples", "vae"], ["IMAGE"]),
        ("VAEEncode", "latent", ["pixels", "vae"], ["LATENT"]),
        ("LoadImage", "image", ["image"], ["IMAGE", "MASK"]),
        ("SaveImage", "image", ["images", "filename_prefix"], []),
        ("PreviewImage", "image", ["images"], []),
        ("SaveLatent", "_for_testing", ["samples", "filename_prefix"], []),
        ("LoadLatent", "_for_testing", ["latent"], ["LATENT"]),
        ("LatentUpscale", "latent", ["samples", "upscale_method", "width", "height", "crop"], ["LATENT"]),
        ("ImageScale", "image/upscaling", ["image", "upscale_method", "width", "height", "crop"], ["IMAGE"]),
    ],
)
def test_nodes_are_comfyuis(node: str, category: str, inputs: list[str], outputs: list[str]) -> None:
    found = INFO[node]
    assert found["category"] == category
    assert found["input_order"]["required"] == inputs
    assert found["output"] == found["output_name"] == outputs
    assert found["output_node"] == ("hidden" in found["input"]) == (not outputs)
