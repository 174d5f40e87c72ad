"""How far our pictures are from diffusers': python -m benchmarks.accuracy

Text to picture by a tiny network of each family with seeded random weights, from a file in the released
layout. Each side is a process of its own and leaves its numbers in a file. In fp32 an error counts as a
defect from 1e-4 on; the lower precisions are there to state what they cost. The last line is one JSON object.

absolute: the largest difference. relative: that, as a share of the reference's largest number. rms: the
root of the summed squared differences over that of the reference.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.graph.kinds import Conditioning, Latent
from engine.nodes.conditioning import clip_text_encode
from engine.nodes.latent import vae_decode
from tests.engine.nodes.studio import Studio
from tests.engine.oracles import families
from tests.engine.oracles.families import Setting, TinyFamily, draw_family, run_chain, write_family

DTYPES = ("fp32", "bf16", "fp16")
DEFECT = 1e-4
WHOLE = (64.0, 64.0, 0.0, 0.0)
TOLD = (*WHOLE, 64.0, 64.0)
SDXL_SETTING = Setting(numbers=(TOLD, TOLD))
SDXL_INPAINT = replace(families.SDXL, unet=replace(families.SDXL.unet, in_channels=9))
CASES: dict[str, tuple[TinyFamily, Setting]] = {
    "SD 1.x": (families.SD1, Setting()),
    "SD 1.x, clip skip": (families.SD1, Setting(last_layer=-2)),
    "SD 1.x inpainting": (families.SD1_INPAINT, Setting()),
    "SD 1.x pix2pix": (families.SD1_PIX2PIX, Setting()),
    "SD 2 base": (families.SD2, Setting()),
    "SD 2 velocity": (families.SD2_V, Setting()),
    "SDXL": (families.SDXL, SDXL_SETTING),
    "SDXL reduced": (families.SSD, SDXL_SETTING),
    "SDXL inpainting": (SDXL_INPAINT, SDXL_SETTING),
    "SDXL refiner": (families.REFINER, Setting(numbers=((*WHOLE, 6.0), (*WHOLE, 2.5)))),
}


def shown_beside(family: TinyFamily) -> dict[str, Tensor]:
    """The picture and mask that a network with more input channels is given."""
    picture = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    mask = torch.zeros(1, 64, 64)
    mask[:, :, 24:] = 1
    by_channels = {4: {}, 8: {"concat_latent": picture}, 9: {"concat_latent": picture, "concat_mask": mask}}
    return by_channels[family.unet.in_channels]


def run_atelier(name: str, folder: Path, dtype: str) -> dict[str, Tensor]:
    """Our latent and pixels."""
    family, setting = CASES[name]
    models = folder / name / dtype
    (models / "checkpoints").mkdir(parents=True)
    write_family(models / "checkpoints" / "tiny.safetensors", family)
    studio = Studio(models, dtype=dtype)
    model, clip, vae = studio.load()
    if setting.last_layer is not None:
        clip = replace(clip, last_layer=setting.last_layer)
    shown = shown_beside(family)

    def encode(text: str) -> Conditioning:
        entries = clip_text_encode(text=text, clip=clip, ctx=studio.context).entries
        return Conditioning(tuple(replace(entry, **shown) for entry in entries))

    latent = studio.sample(
        Latent(torch.zeros(1, 4, 8, 8)),
        model=model,
        seed=setting.seed,
        steps=setting.steps,
        cfg=setting.cfg,
        positive=encode(setting.positive),
        negative=encode(setting.negative),
    )
    pixels = vae_decode(samples=latent, vae=vae, ctx=studio.context).pixels
    return {"latent": latent.samples.float().contiguous(), "pixels": pixels.float().contiguous()}


def run_diffusers(name: str) -> dict[str, Tensor]:
    """The same by diffusers and transformers, in fp32."""
    family, setting = CASES[name]
    shown = shown_beside(family)
    if "concat_mask" in shown:
        scaled = shown["concat_latent"] * family.scale
        channels = torch.cat([shown["concat_mask"][:, None, ::8, ::8], scaled], dim=1)
        setting = replace(setting, channels=channels)
    elif shown:
        setting = replace(setting, channels=shown["concat_latent"])
    latent, pixels = run_chain(family, draw_family(family), setting)
    return {"latent": latent.contiguous(), "pixels": pixels.contiguous()}


def measure(side: str, folder: Path) -> None:
    """All cases of one side, into SIDE.safetensors."""
    made: dict[str, Tensor] = {}
    for name in CASES:
        for dtype in DTYPES if side == "atelier" else ("fp32",):
            result = run_atelier(name, folder, dtype) if side == "atelier" else run_diffusers(name)
            made |= {f"{name}|{dtype}|{part}": tensor for part, tensor in result.items()}
    save_file(made, folder / f"{side}.safetensors")


def errors(ours: Tensor, reference: Tensor) -> dict[str, float]:
    """As the module's docstring defines them."""
    difference, expected = ours.double() - reference.double(), reference.double()
    largest = float(difference.abs().max())
    rms = float(torch.linalg.vector_norm(difference) / torch.linalg.vector_norm(expected))
    return {"absolute": largest, "relative": largest / float(expected.abs().max()), "rms": rms}


def compare() -> bool:
    """Print the table and the JSON line; whether all in fp32 are near enough."""
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for side in ("atelier", "diffusers"):
            command = [sys.executable, "-m", "benchmarks.accuracy", "--side", side, "--folder", folder]
            subprocess.run(command, check=True)
        ours, theirs = (load_file(Path(folder) / f"{side}.safetensors") for side in ("atelier", "diffusers"))
    print(f"{'case':<32} {'absolute':>10} {'relative':>10} {'rms':>10}")
    for key, tensor in sorted(ours.items()):
        name, dtype, part = key.split("|")
        found = results[f"{name}, {dtype}, {part}"] = errors(tensor, theirs[f"{name}|fp32|{part}"])
        print(f"{name + ', ' + dtype + ', ' + part:<32} " + " ".join(f"{e:>10.2e}" for e in found.values()))
    print(json.dumps({"benchmark": "accuracy", "results": results}))
    return all(found["relative"] < DEFECT for case, found in results.items() if ", fp32, " in case)


def main() -> None:
    """Compare, or run one side when asked by the comparison."""
    parser = argparse.ArgumentParser(description="Errors against diffusers.")
    parser.add_argument("--side", choices=("atelier", "diffusers"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side is None:
        sys.exit(0 if compare() else 1)
    measure(arguments.side, arguments.folder)


if __name__ == "__main__":
    main()
