"""Seconds to encode a text and to decode a picture, against diffusers: python -m benchmarks.encode_decode

Networks of Stable Diffusion 1.5's sizes with random weights, on the CPU in fp32, which is what texts and
pictures are computed in there. Each measurement is a process of its own, the two sides take turns, and the
best one counts, because others may use the machine. The last line is one JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

SIDES = ("atelier", "diffusers")
CASES = ("text, 2 x 77 tokens", "decode 256 px", "decode 512 px")
TOKENS = 77
SCALE = 0.18215


def best(work: Callable[[], object], rounds: int) -> float:
    """Seconds of the fastest call; the first warms up."""
    import torch

    found: list[float] = []
    with torch.inference_mode():
        for _ in range(rounds + 1):
            start = time.perf_counter()
            work()
            found.append(time.perf_counter() - start)
    return min(found[1:])


def measure_atelier(case: str, rounds: int) -> float:
    """Our networks as the engine loads them."""
    import torch

    from engine.residency.load import settle
    from tests.engine.oracles.make_checkpoint import SD15

    cpu = torch.device("cpu")
    if case.startswith("text"):
        text: Any = settle(SD15.text.build(), cpu, torch.float32)
        ids = torch.randint(0, 49_406, (2, TOKENS))
        return best(lambda: text(text.embed(ids)), rounds)
    vae: Any = settle(SD15.vae.build(), cpu, torch.float32)
    latent = torch.randn(1, 4, *latent_size(case)) / SCALE
    return best(lambda: vae.decode(latent), rounds)


def measure_diffusers(case: str, rounds: int) -> float:
    """transformers' text encoder, diffusers' autoencoder."""
    import torch
    from diffusers import AutoencoderKL
    from transformers import CLIPTextConfig, CLIPTextModel

    if case.startswith("text"):
        settings = CLIPTextConfig(
            hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12
        )
        text: Any = CLIPTextModel(settings).eval()
        ids = torch.randint(0, 49_406, (2, TOKENS))
        return best(lambda: text(ids), rounds)
    kind: Any = AutoencoderKL
    vae = kind(
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        latent_channels=4,
    ).eval()
    latent = torch.randn(1, 4, *latent_size(case)) / SCALE
    return best(lambda: vae.decode(latent), rounds)


def latent_size(case: str) -> tuple[int, int]:
    """Of "decode N px"."""
    side = int(case.split()[1]) // 8
    return side, side


def in_a_process(side: str, case: str, rounds: int) -> float:
    """What a fresh process finds."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.encode_decode",
        "--side",
        side,
        "--case",
        case,
        "--rounds",
        str(rounds),
    ]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(output.splitlines()[-1])


def compare(rounds: int) -> None:
    """Print the table and the JSON line."""
    results: dict[str, dict[str, float]] = {}
    print(f"{'case':<22} {'atelier s':>10} {'diffusers s':>12} {'ratio':>7}")
    for case in CASES:
        runs = [(side, in_a_process(side, case, rounds)) for _ in range(2) for side in SIDES]
        ours, theirs = (min(seconds for name, seconds in runs if name == side) for side in SIDES)
        results[case] = {"atelier": ours, "diffusers": theirs, "ratio": ours / theirs}
        print(f"{case:<22} {ours:>10.3f} {theirs:>12.3f} {ours / theirs:>7.3f}", flush=True)
    print(
        json.dumps({"benchmark": "encode_decode", "unit": "s", "cores": os.cpu_count(), "results": results})
    )


def main() -> None:
    """Compare, or measure one side when asked by the comparison."""
    parser = argparse.ArgumentParser(description="Text encoding and decoding against diffusers.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side is None:
        compare(arguments.rounds)
        return
    measure = measure_atelier if arguments.side == "atelier" else measure_diffusers
    print(measure(arguments.case, arguments.rounds))


if __name__ == "__main__":
    main()
