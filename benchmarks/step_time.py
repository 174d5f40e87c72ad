"""Seconds per sampling step of SD 1.5 in full size, against diffusers: python benchmarks/step_time.py

A step is one euler step with guidance: positive and negative text in one call of the U-Net, in float32,
weights random. Each measurement is a process of its own, the two sides take turns, and the best step counts,
because others may use the machine. The last line is one JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

SIZES_PX = (256, 512)
SIDES = ("atelier", "diffusers")
CFG = 7.5
TOKENS, CONTEXT_WIDTH = 77, 768


def measure_atelier(size_px: int, steps: int) -> list[float]:
    """Seconds of each step of our sampler over our packed U-Net."""
    import torch

    from engine.models.sd_unet import Level, SdUNetConfig
    from engine.residency.pack import pack
    from engine.sampling.guidance import guide
    from engine.sampling.prediction import EpsPrediction, scaled_linear_sigmas
    from engine.sampling.sample import Course, LatentScale, Start, sample
    from engine.sampling.samplers.table import SAMPLERS
    from engine.sampling.schedules import schedule_sigmas

    levels = (Level(320, 2, 1), Level(640, 2, 1), Level(1280, 2, 1), Level(1280, 2, 0))
    unet = SdUNetConfig(4, 4, 320, CONTEXT_WIDTH, levels).build().eval()
    pack(unet)
    sigmas = scaled_linear_sigmas()
    text = torch.randn(2, 1, TOKENS, CONTEXT_WIDTH).unbind()
    denoiser = guide(EpsPrediction(unet, sigmas), text[:1], text[1:], CFG)
    course = Course(schedule_sigmas("normal", sigmas, steps), SAMPLERS["euler"], sigmas)
    start = Start(torch.zeros(1, 4, size_px // 8, size_px // 8), seed=1)
    return between_ticks(
        lambda tick: sample(denoiser, start, course, space=LatentScale(0.18215), on_step=lambda *_: tick())
    )


def measure_diffusers(size_px: int, steps: int) -> list[float]:
    """Seconds of each step of diffusers' scheduler over its U-Net, as its pipeline does it."""
    import torch
    from diffusers import EulerDiscreteScheduler, UNet2DConditionModel

    unet: Any = UNet2DConditionModel(
        block_out_channels=(320, 640, 1280, 1280), cross_attention_dim=CONTEXT_WIDTH, attention_head_dim=8
    ).eval()
    scheduler: Any = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    scheduler.set_timesteps(steps)
    text = torch.randn(2, TOKENS, CONTEXT_WIDTH)

    def walk(tick: Callable[[], None]) -> None:
        x = torch.randn(1, 4, size_px // 8, size_px // 8) * scheduler.init_noise_sigma
        for timestep in scheduler.timesteps:
            scaled = scheduler.scale_model_input(torch.cat([x, x]), timestep)
            positive, negative = unet(scaled, timestep, encoder_hidden_states=text).sample.chunk(2)
            x = scheduler.step(negative + CFG * (positive - negative), timestep, x).prev_sample
            tick()

    return between_ticks(walk)


def between_ticks(work: Callable[[Callable[[], None]], object]) -> list[float]:
    """Seconds between one call of `tick` and the next; what came before the first is warming up."""
    import torch

    ticks: list[float] = []
    with torch.inference_mode():
        work(lambda: ticks.append(time.perf_counter()))
    return [later - earlier for earlier, later in pairwise(ticks)]


def best_of_a_process(side: str, size_px: int, steps: int) -> float:
    """The fastest step, measured in a fresh process."""
    command = [sys.executable, __file__, "--side", side, "--size", str(size_px), "--steps", str(steps)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return min(json.loads(output.splitlines()[-1]))


def compare(steps: int, rounds: int) -> None:
    """Print the table and the JSON line."""
    results: dict[str, dict[str, float]] = {}
    print(f"{'px':>5} {'atelier s/step':>15} {'diffusers s/step':>17} {'ratio':>7}")
    for size_px in SIZES_PX:
        runs = [(side, best_of_a_process(side, size_px, steps)) for _ in range(rounds) for side in SIDES]
        ours, theirs = (min(seconds for name, seconds in runs if name == side) for side in SIDES)
        results[str(size_px)] = {"atelier": ours, "diffusers": theirs, "ratio": ours / theirs}
        print(f"{size_px:>5} {ours:>15.3f} {theirs:>17.3f} {ours / theirs:>7.3f}")
    print(
        json.dumps({"benchmark": "step_time", "unit": "s/step", "cores": os.cpu_count(), "results": results})
    )


def main() -> None:
    """Compare, or measure one side when asked by the comparison."""
    parser = argparse.ArgumentParser(description="Seconds per step of SD 1.5 against diffusers.")
    parser.add_argument(
        "--steps", type=int, default=4, help="steps of a measurement; the first only warms up"
    )
    parser.add_argument("--rounds", type=int, default=2, help="processes a side and size")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, default=256, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side is None:
        compare(arguments.steps, arguments.rounds)
        return
    measure = measure_atelier if arguments.side == "atelier" else measure_diffusers
    print(json.dumps(measure(arguments.size, arguments.steps)))


if __name__ == "__main__":
    main()
