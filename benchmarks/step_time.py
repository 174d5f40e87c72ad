"""Seconds per sampling step in full size, against diffusers: python -m benchmarks.step_time

A step is one euler step with guidance: positive and negative text in one call of the U-Net, weights random.
Each measurement is a process of its own, the two sides take turns, and the best step counts, because others
may use the machine. The last line is one JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from itertools import pairwise
from typing import Any

SIDES = ("atelier", "diffusers")
CFG = 7.5
TOKENS = 77


@dataclass(frozen=True)
class Case:
    """What is measured."""

    family: str
    size_px: int
    batch: int
    dtype: str

    @property
    def name(self) -> str:
        return f"{self.family} {self.size_px} px, batch {self.batch}, {self.dtype}"


CASES = (
    Case("sd1", 256, 1, "fp32"),
    Case("sd1", 512, 1, "fp32"),
    Case("sd1", 256, 4, "fp32"),
    Case("sdxl", 512, 1, "fp32"),
    Case("sd1", 256, 1, "bf16"),
    Case("sd1", 512, 1, "bf16"),
    Case("sd1", 256, 4, "bf16"),
    Case("sdxl", 512, 1, "bf16"),
)
DIFFUSERS_UNETS: dict[str, dict[str, Any]] = {
    "sd1": {
        "block_out_channels": (320, 640, 1280, 1280),
        "cross_attention_dim": 768,
        "attention_head_dim": 8,
    },
    "sdxl": {
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": 2048,
        "attention_head_dim": (5, 10, 20),
        "transformer_layers_per_block": (1, 2, 10),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
}


def measure_atelier(case: Case, steps: int) -> list[float]:
    """Seconds of each step of our sampler over our U-Net as the engine loads it."""
    import torch

    from engine.graph.kinds import Parametrisation
    from engine.models.sd_unet import Level, SdUNetConfig
    from engine.residency.device import DTYPES
    from engine.residency.load import settle
    from engine.sampling.denoiser import Condition
    from engine.sampling.guidance import guide
    from engine.sampling.prediction import adapt
    from engine.sampling.sample import Course, LatentScale, Start, sample
    from engine.sampling.samplers.table import SAMPLERS
    from engine.sampling.schedules import schedule_sigmas

    four = (Level(320, 2, 1), Level(640, 2, 1), Level(1280, 2, 1), Level(1280, 2, 0))
    three = (Level(320, 2, 0), Level(640, 2, 2), Level(1280, 2, 10))
    configs = {
        "sd1": SdUNetConfig(4, 4, 320, 768, four),
        "sdxl": SdUNetConfig(4, 4, 320, 2048, three, 10, is_linear=True, vector_width=2816),
    }
    config, dtype = configs[case.family], DTYPES[case.dtype]
    torch.set_default_dtype(dtype)
    unet = settle(config.build(), torch.device("cpu"), dtype)
    torch.set_default_dtype(torch.float32)
    vector = None if config.vector_width is None else torch.randn(1, config.vector_width)
    sides = [[Condition(torch.randn(1, TOKENS, config.context_width), vector)] for _ in range(2)]
    predictor = adapt(unet, Parametrisation("eps"), dtype)
    denoiser = guide(predictor, *sides, CFG)
    levels = schedule_sigmas("normal", predictor.sigmas, steps)
    course = Course(levels, SAMPLERS["euler"], predictor.sigmas)
    side = case.size_px // 8
    start = Start(torch.zeros(case.batch, 4, side, side), seed=1)
    return between_ticks(
        lambda tick: sample(denoiser, start, course, space=LatentScale(0.18215), on_step=lambda *_: tick())
    )


def measure_diffusers(case: Case, steps: int) -> list[float]:
    """Seconds of each step of diffusers' scheduler over its U-Net, as its pipeline does it."""
    import torch
    from diffusers import EulerDiscreteScheduler, UNet2DConditionModel

    kind: Any = UNet2DConditionModel
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[case.dtype]
    torch.set_default_dtype(dtype)
    unet: Any = kind(**DIFFUSERS_UNETS[case.family]).eval()
    torch.set_default_dtype(torch.float32)
    scheduler: Any = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    scheduler.set_timesteps(steps)
    batch, side = case.batch, case.size_px // 8
    text = torch.randn(2 * batch, TOKENS, unet.config.cross_attention_dim, dtype=dtype)
    told = {
        "text_embeds": torch.randn(2 * batch, 1280, dtype=dtype),
        "time_ids": torch.full((2 * batch, 6), 512.0, dtype=dtype),
    }

    def walk(tick: Callable[[], None]) -> None:
        x = (torch.randn(batch, 4, side, side) * scheduler.init_noise_sigma).to(dtype)
        for timestep in scheduler.timesteps:
            scaled = scheduler.scale_model_input(torch.cat([x, x]), timestep)
            output = unet(scaled, timestep, encoder_hidden_states=text, added_cond_kwargs=told).sample
            positive, negative = output.chunk(2)
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


def best_of_a_process(side: str, case: Case, steps: int) -> float:
    """The fastest step, measured in a fresh process."""
    told = [str(value) for value in astuple(case)]
    command = [sys.executable, "-m", "benchmarks.step_time", "--measure", side, *told, "--steps", str(steps)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return min(json.loads(output.splitlines()[-1]))


def compare(cases: list[Case], steps: int, rounds: int) -> None:
    """Print the table and the JSON line."""
    results: dict[str, dict[str, float]] = {}
    print(f"{'case':<28} {'atelier s/step':>15} {'diffusers s/step':>17} {'ratio':>7}")
    for case in cases:
        runs = [(side, best_of_a_process(side, case, steps)) for _ in range(rounds) for side in SIDES]
        ours, theirs = (min(seconds for name, seconds in runs if name == side) for side in SIDES)
        results[case.name] = {"atelier": ours, "diffusers": theirs, "ratio": ours / theirs}
        print(f"{case.name:<28} {ours:>15.3f} {theirs:>17.3f} {ours / theirs:>7.3f}", flush=True)
    print(
        json.dumps({"benchmark": "step_time", "unit": "s/step", "cores": os.cpu_count(), "results": results})
    )


def main() -> None:
    """Compare, or measure one side when asked by the comparison."""
    parser = argparse.ArgumentParser(description="Seconds per step against diffusers.")
    parser.add_argument(
        "--steps", type=int, default=4, help="steps of a measurement; the first only warms up"
    )
    parser.add_argument("--rounds", type=int, default=2, help="processes a side and case")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--measure", nargs=5, metavar="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure is None:
        compare([case for case in CASES if arguments.only in case.name], arguments.steps, arguments.rounds)
        return
    side, family, size_px, batch, dtype = arguments.measure
    case = Case(family, int(size_px), int(batch), dtype)
    measure = measure_atelier if side == "atelier" else measure_diffusers
    print(json.dumps(measure(case, arguments.steps)))


if __name__ == "__main__":
    main()
