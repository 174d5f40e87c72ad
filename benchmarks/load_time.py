"""From a checkpoint on disk to the first step, against a plain read: python -m benchmarks.load_time

A checkpoint of Stable Diffusion 1.5's size in fp16 is written to a temporary folder, with random weights.
Before every measurement the system forgets the file, and each is a process of its own; the best one counts.
"Ready" means: all networks hold their weights in the file's precision, every byte read. Casting to what the
processor computes in and the first step are told apart. The last line is one JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STAGES = ("plain read", "ready", "cast to fp32", "cast to bf16")
CHUNK = 1 << 24
PAGE = 4096


def forget(path: Path) -> None:
    """Drop the file from the system's memory."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def read_plainly(path: Path) -> float:
    """Seconds to read the file once."""
    buffer = bytearray(CHUNK)
    start = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return time.perf_counter() - start


def load(path: Path, dtype_name: str | None) -> list[float]:
    """Seconds until the networks are there in that precision, None for the file's, and of one step."""
    import torch
    from torch import nn

    from engine.models.detect import detect_checkpoint
    from engine.models.family import Family
    from engine.nodes.model_files import handle_of
    from engine.residency.device import DTYPES, Placement
    from engine.residency.handle import Handle, Part
    from engine.residency.load import load_module
    from engine.weights.header import read_header

    class Uniform(Placement):
        """All parts in one precision."""

        def dtype_of(self, part: Part) -> torch.dtype:
            return self.dtype

    def handles(family: Family) -> list[Handle]:
        texts = [handle_of(path, family.name, "clip", text) for text in checkpoint.texts]
        unet = handle_of(path, family.name, "unet", checkpoint.unet)
        return [unet, *texts, handle_of(path, family.name, "vae", checkpoint.vae)]

    def touch(module: nn.Module) -> None:
        for tensor in module.parameters():
            step = PAGE // tensor.element_size()
            tensor.as_strided((-(-tensor.numel() // step),), (step,)).float().sum()

    start = time.perf_counter()
    checkpoint = detect_checkpoint(read_header(path).shapes, path.name)
    placement = Uniform(torch.device("cpu"), DTYPES[dtype_name or "fp16"])
    modules = [load_module(handle, placement) for handle in handles(checkpoint.family)]
    if dtype_name is None:
        for module in modules:
            touch(module)
        return [time.perf_counter() - start, 0.0]
    loaded = time.perf_counter()
    with torch.inference_mode():
        x = torch.randn(2, 4, 32, 32, dtype=placement.dtype)
        modules[0](x, torch.tensor([500, 500]), torch.randn(2, 77, 768, dtype=placement.dtype))
    return [loaded - start, time.perf_counter() - loaded]


def measure(stage: str, path: Path) -> list[float]:
    """What a process of its own finds for one stage."""
    forget(path)
    command = [sys.executable, "-m", "benchmarks.load_time", "--stage", stage, "--file", str(path)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1])


def compare(rounds: int) -> None:
    """Print the table and the JSON line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sd15.safetensors"
        maker = [sys.executable, "-m", "tests.engine.oracles.make_checkpoint", str(path), "--size", "sd15"]
        subprocess.run(maker, check=True)
        best = {stage: min(measure(stage, path) for _ in range(rounds)) for stage in STAGES}
        size = path.stat().st_size
    plain = best["plain read"][0]
    print(f"{'stage':<14} {'s':>7} {'/ plain read':>13} {'first step s':>13}")
    for stage, (seconds, step) in best.items():
        print(f"{stage:<14} {seconds:>7.2f} {seconds / plain:>13.2f} {step or float('nan'):>13.2f}")
    results = {
        stage: {"s": seconds, "ratio": seconds / plain, "first_step_s": step}
        for stage, (seconds, step) in best.items()
    }
    print(json.dumps({"benchmark": "load_time", "bytes": size, "results": results}))


def main() -> None:
    """Compare, or measure one stage when asked by the comparison."""
    parser = argparse.ArgumentParser(description="Checkpoint load against a plain read.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    match arguments.stage:
        case None:
            compare(arguments.rounds)
        case "plain read":
            print(json.dumps([read_plainly(arguments.file), 0.0]))
        case "ready":
            print(json.dumps(load(arguments.file, None)))
        case stage:
            print(json.dumps(load(arguments.file, stage.removeprefix("cast to "))))


if __name__ == "__main__":
    main()
