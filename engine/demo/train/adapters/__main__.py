"""python -m engine.demo.train.adapters MODEL NAME: train something small on top of the finished model."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import torch

from engine.demo.train.adapters.blueprint import train_blueprint
from engine.demo.train.adapters.edges import train_edges
from engine.demo.train.adapters.embedding import train_embedding
from engine.demo.train.adapters.tiny_decoder import train_tiny_decoder
from engine.demo.train.networks import Networks, read_model
from engine.demo.train.state import Plan

# What trains each, and how many steps suffice.
ADAPTERS: Final[Mapping[str, tuple[Callable[[Networks, Path, Plan], Path], int]]] = {
    "embedding": (train_embedding, 250),
    "blueprint": (train_blueprint, 300),
    "edges": (train_edges, 800),
    "tiny-decoder": (train_tiny_decoder, 600),
}


def main() -> None:
    """Train the adapter of that name into the folder."""
    parser = argparse.ArgumentParser(prog="python -m engine.demo.train.adapters", description=main.__doc__)
    parser.add_argument("model", type=Path, help="a file that engine.demo.train wrote")
    parser.add_argument("name", choices=ADAPTERS)
    parser.add_argument("--folder", type=Path, default=Path("data/demo-training"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int)
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train, steps = ADAPTERS[arguments.name]
    arguments.folder.mkdir(parents=True, exist_ok=True)
    plan = Plan(arguments.steps or steps, arguments.seed, device)
    train(read_model(arguments.model, device), arguments.folder, plan)


if __name__ == "__main__":
    main()
