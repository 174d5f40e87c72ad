"""python -m engine.demo.train: train the demo model from nothing, or go on where it was stopped."""

import argparse
from pathlib import Path

import torch

from engine.demo.train.autoencoder import finished_autoencoder, train_autoencoder
from engine.demo.train.corpus import Corpus, drawn_pictures
from engine.demo.train.denoiser import encode_pictures, train_denoiser
from engine.demo.train.networks import write_model
from engine.demo.train.state import Plan, read_averages
from engine.demo.train.text import train_text


def main() -> None:
    """Train autoencoder, text encoder and U-Net; write the model in fp16."""
    parser = argparse.ArgumentParser(prog="python -m engine.demo.train", description=main.__doc__)
    parser.add_argument("--folder", type=Path, default=Path("data/demo-training"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pictures", type=int, default=24_000)
    parser.add_argument("--autoencoder-steps", type=int, default=4_000)
    parser.add_argument("--text-steps", type=int, default=600)
    parser.add_argument("--steps", type=int, default=6_000)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    seed: int = arguments.seed
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    corpus = Corpus(seed, arguments.pictures)
    pictures = drawn_pictures(corpus, folder)
    autoencoder, lesson, denoiser = (
        folder / f"{part}.safetensors" for part in ("autoencoder", "text", "denoiser")
    )
    train_autoencoder(pictures, autoencoder, Plan(arguments.autoencoder_steps, seed, device))
    vae = finished_autoencoder(autoencoder, pictures, device)
    train_text(lesson, Plan(arguments.text_steps, seed, device))
    latents = encode_pictures(vae, pictures, folder / f"latents-{corpus.count}.npy", device)
    train_denoiser(corpus, latents, lesson, denoiser, Plan(arguments.steps, seed, device))
    parts = {
        "vae": vae.state_dict(),
        "unet": read_averages(denoiser, "unet"),
        "text": read_averages(denoiser, "text"),
    }
    write_model(folder / "demo.safetensors", parts, dtype=torch.float16)


if __name__ == "__main__":
    main()
