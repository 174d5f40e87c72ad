"""python -m tests.engine.oracles.make_checkpoint FILE [--size tiny|sd15] [--dtype fp32|fp16]

A checkpoint with seeded random weights: `tiny` for tests, `sd15` in the full size of Stable Diffusion 1.5,
its shapes taken from our own modules on the meta device.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from engine.models.clip_text import ClipTextConfig
from engine.models.kl_vae import KlVaeConfig
from engine.models.sd_unet import Level, SdUNetConfig
from engine.residency.device import DTYPES
from tests.engine.oracles.random_weights import draw_weights


@dataclass(frozen=True)
class Size:
    """The three networks of a checkpoint."""

    unet: SdUNetConfig
    text: ClipTextConfig
    vae: KlVaeConfig


# Odd on purpose: no two numbers that mean different things are equal, where the layout allows it.
TINY = Size(
    unet=SdUNetConfig(4, 4, 32, 48, (Level(32, 1, 1), Level(64, 1, 1), Level(96, 1, 0))),
    text=ClipTextConfig(49_408, 77, width=48, inner_width=80, layers=3, heads=1),
    vae=KlVaeConfig(pixel_channels=3, latent_channels=4, widths=(32, 64, 96, 96), residual_blocks=1),
)
SD15 = Size(
    unet=SdUNetConfig(
        4, 4, 320, 768, (Level(320, 2, 1), Level(640, 2, 1), Level(1280, 2, 1), Level(1280, 2, 0))
    ),
    text=ClipTextConfig(49_408, 77, width=768, inner_width=3072, layers=12, heads=12),
    vae=KlVaeConfig(pixel_channels=3, latent_channels=4, widths=(128, 256, 512, 512), residual_blocks=2),
)
SIZES: Mapping[str, Size] = {"tiny": TINY, "sd15": SD15}


def draw_checkpoint(size: Size, seed: int = 1) -> dict[str, Tensor]:
    """All tensors by their names in the file, float32."""
    return draw_weights(size.unet, size.text, size.vae, seed=seed)


def write_checkpoint(path: Path, size: Size = TINY, seed: int = 1) -> Path:
    """The file, in float32."""
    save_file(draw_checkpoint(size, seed), path)
    return path


def main() -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(description="Write a checkpoint with seeded random weights.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--dtype", choices=DTYPES, default="fp16")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    tensors = draw_checkpoint(SIZES[arguments.size], arguments.seed)
    save_file({name: tensor.to(DTYPES[arguments.dtype]) for name, tensor in tensors.items()}, arguments.file)


if __name__ == "__main__":
    main()
