"""The most memory that a picture takes, against diffusers: python -m benchmarks.memory

Text to image with Stable Diffusion 1.5's sizes at 512 × 512, two steps, on the CPU, from a file in fp16 with
random weights. Each measurement is a process of its own; its peak is what the system counts as resident,
pages of the mapped file included. The last line is one JSON object.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

SIZE_PX, STEPS, CFG = 512, 2, 7.5
DTYPES = ("fp32", "bf16")


def run_atelier(path: Path, dtype: str) -> None:
    """The default graph through the engine's door."""
    from engine.api import ModelFolders, RunnerSettings, open_runner, parse_prompt

    def node(class_type: str, **inputs: object) -> dict[str, object]:
        return {"class_type": class_type, "inputs": inputs}

    sampling = {"steps": STEPS, "cfg": CFG, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
    links = {"model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["4", 0]}
    prompt = {
        "1": node("CheckpointLoaderSimple", ckpt_name=path.name),
        "2": node("CLIPTextEncode", text="a lighthouse on a cliff at dusk", clip=["1", 1]),
        "3": node("CLIPTextEncode", text="", clip=["1", 1]),
        "4": node("EmptyLatentImage", width=SIZE_PX, height=SIZE_PX, batch_size=1),
        "5": node("KSampler", seed=1, **sampling, **links),
        "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "7": node("SaveImage", images=["6", 0], filename_prefix="made"),
    }
    runner = open_runner(RunnerSettings(ModelFolders((path.parent.parent,)), device="cpu", dtype=dtype))
    runner.run(
        parse_prompt(prompt),
        scope="benchmark",
        workflow=None,
        is_cancelled=lambda: False,
        find_input=_no_input,
        on_event=lambda event: None,
    )


def _no_input(name: str) -> NoReturn:
    raise FileNotFoundError(name)


def run_diffusers(path: Path, dtype_name: str) -> None:
    """The same by diffusers' and transformers' modules, as its pipeline calls them."""
    import torch
    from diffusers import EulerDiscreteScheduler
    from safetensors import safe_open

    from engine.residency.device import DTYPES as TORCH_DTYPES
    from tests.engine.oracles.diffusers_sd import build_text_encoder, build_unet, build_vae
    from tests.engine.oracles.make_checkpoint import SD15

    dtype = TORCH_DTYPES[dtype_name]
    torch.set_default_dtype(dtype)

    def part(build: Callable[..., Any], config: object, prefix: str) -> object:
        with safe_open(path, "pt") as file:
            names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 -- no mapping
            return build(config, {name.removeprefix(prefix): file.get_tensor(name) for name in names})

    text: Any = part(build_text_encoder, SD15.text, "cond_stage_model.transformer.text_model.")
    unet: Any = part(build_unet, SD15.unet, "model.diffusion_model.")
    vae: Any = part(build_vae, SD15.vae, "first_stage_model.")
    torch.set_default_dtype(torch.float32)
    scheduler: Any = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    scheduler.set_timesteps(STEPS)
    with torch.inference_mode():
        told = text(torch.randint(0, 49_406, (2, 77))).last_hidden_state
        x = (torch.randn(1, 4, SIZE_PX // 8, SIZE_PX // 8) * scheduler.init_noise_sigma).to(dtype)
        for timestep in scheduler.timesteps:
            scaled = scheduler.scale_model_input(torch.cat([x, x]), timestep)
            positive, negative = unet(scaled, timestep, encoder_hidden_states=told).sample.chunk(2)
            x = scheduler.step(negative + CFG * (positive - negative), timestep, x).prev_sample
        vae.decode(x.to(dtype) / 0.18215)


SIDES: dict[str, Callable[[Path, str], None]] = {"atelier": run_atelier, "diffusers": run_diffusers}


def peak_of_a_process(side: str, dtype: str, path: Path) -> int:
    """Bytes."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.memory",
        "--side",
        side,
        "--dtype",
        dtype,
        "--file",
        str(path),
    ]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return int(output.splitlines()[-1])


def compare() -> None:
    """Print the table and the JSON line."""
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoints" / "sd15.safetensors"
        path.parent.mkdir()
        maker = [sys.executable, "-m", "tests.engine.oracles.make_checkpoint", str(path), "--size", "sd15"]
        subprocess.run(maker, check=True)
        print(f"{'dtype':<6} {'atelier GB':>11} {'diffusers GB':>13} {'ratio':>7}")
        for dtype in DTYPES:
            ours, theirs = (peak_of_a_process(side, dtype, path) for side in SIDES)
            results[dtype] = {"atelier": ours, "diffusers": theirs, "ratio": ours / theirs}
            print(f"{dtype:<6} {ours / 1e9:>11.2f} {theirs / 1e9:>13.2f} {ours / theirs:>7.3f}")
    print(json.dumps({"benchmark": "memory", "unit": "bytes", "results": results}))


def main() -> None:
    """Compare, or measure one side when asked by the comparison."""
    parser = argparse.ArgumentParser(description="Peak memory against diffusers.")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--dtype", choices=DTYPES, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side is None:
        compare()
        return
    SIDES[arguments.side](arguments.file, arguments.dtype)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    main()
