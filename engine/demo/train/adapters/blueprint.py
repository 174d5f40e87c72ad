"""A style LoRA (Hu et al. 2021, arXiv 2106.09685) in kohya's layout: everything becomes a blueprint."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils import parametrize

from engine.demo.train.adapters.lesson import Pace, encode_all, learn
from engine.demo.train.corpus import EMPTY_SHARE, Tokens
from engine.demo.train.denoiser import computing_on, denoising_loss
from engine.demo.train.networks import Networks
from engine.demo.train.state import Plan
from engine.demo.world import caption, draw, sample_scene

RANK: Final = 8
PICTURES: Final = 512
PACE: Final = Pace(batch=32, rate=2e-3)


class LowRank(nn.Module):
    """Adds up @ down to a weight, (out, in) or (out, in, h, w); begins as nothing."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        out, *taken = weight.shape
        ones = [1] * (len(taken) - 1)
        self.lora_down = nn.Parameter(torch.empty(RANK, *taken))
        self.lora_up = nn.Parameter(torch.zeros(out, RANK, *ones))
        nn.init.kaiming_uniform_(self.lora_down, a=5**0.5)

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.lora_up.flatten(1) @ self.lora_down.flatten(1)).view_as(weight)


def adapted_layers(unet: nn.Module) -> Iterator[tuple[str, nn.Linear | nn.Conv2d]]:
    """Every convolution and matrix of the blocks, by name; the network's first and last layers stay."""
    for name, layer in unet.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d) and name.count(".") > 2:
            yield name, layer


def train_blueprint(model: Networks, folder: Path, plan: Plan) -> Path:
    """Train to `steps`; the file."""
    rng = np.random.default_rng((plan.seed, 5))
    scenes = [sample_scene(rng) for _ in range(PICTURES)]
    blueprints = [draw(replace(scene, style="blueprint")) for scene in scenes]
    latents = encode_all(model, blueprints, plan.device)
    tokens = Tokens()
    torch.manual_seed(plan.seed)
    layers = dict(adapted_layers(model.unet))
    adapter = nn.ModuleDict(
        {name.replace(".", "_"): LowRank(layer.weight) for name, layer in layers.items()}
    ).to(plan.device)
    for name, layer in layers.items():
        parametrize.register_parametrization(layer, "weight", adapter[name.replace(".", "_")])

    def loss_of(batch: npt.NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        # In the words of flat pictures: the style comes with the file, not with a word.
        told = [caption(replace(scenes[index], style="flat"), rng) for index in batch]
        shown = ["" if rng.random() < EMPTY_SHARE else words for words in told]
        with computing_on(plan.device):
            context = model.text(model.text.embed(tokens(shown).to(plan.device)))
        return denoising_loss(model.unet, latents[batch], context)

    averages = learn(adapter, loss_of, folder / "blueprint.safetensors", plan, pace=PACE, pictures=PICTURES)
    for layer in layers.values():
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    path = folder / "demo-blueprint.safetensors"
    save_file(
        in_kohyas_layout(averages), path, metadata={"ss_network_dim": str(RANK), "ss_output_name": path.stem}
    )
    return path


def in_kohyas_layout(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """ "NAME.lora_up" to "lora_unet_NAME.lora_up.weight", in fp16, with alphas that leave strengths alone."""
    tensors = {f"lora_unet_{name}.weight": tensor.half() for name, tensor in weights.items()}
    for name in {name.partition(".")[0] for name in weights}:
        tensors[f"lora_unet_{name}.alpha"] = torch.tensor(float(RANK))
    return tensors
