"""A ControlNet (Zhang et al. 2023, arXiv 2302.05543) that draws along the edges it is shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm

from engine.demo.train.adapters.lesson import Pace, encode_all, learn
from engine.demo.train.corpus import EMPTY_SHARE, Tokens
from engine.demo.train.denoiser import computing_on, denoising_loss
from engine.demo.train.networks import UNET, Networks
from engine.demo.train.state import Plan
from engine.demo.world import caption, draw, sample_scene
from engine.graph.kinds import Image
from engine.models.controlnet import ControlNet, ControlNetConfig
from engine.models.sd_unet import SdUNet
from engine.nodes.image_edges import canny

PICTURES: Final = 3000
PACE: Final = Pace(batch=32, rate=5e-4)
# Channels after each convolution that brings the edges to the latent's size.
HINT_WIDTHS: Final = (3, 16, 16, 32, 32, 64, 64, 96, UNET.model_channels)
# The low threshold is drawn from these: people choose few edges or many. The high one is its double.
LOW_THRESHOLDS: Final = (0.1, 0.4)


class Guided(nn.Module):
    """A U-Net that stays as it is, under a ControlNet that learns."""

    def __init__(self, unet: SdUNet, control: ControlNet, edges: Tensor) -> None:
        super().__init__()
        self.unet, self.control, self.edges = unet, control, edges

    def forward(self, x: Tensor, timestep: Tensor, context: Tensor) -> Tensor:
        residuals = self.control(x, self.edges, timestep, context)
        predicted: Tensor = self.unet(x, timestep, context, control=residuals)
        return predicted


def new_controlnet(unet: SdUNet) -> ControlNet:
    """A copy of the way down of `unet` that at first adds nothing."""
    control = ControlNetConfig(HINT_WIDTHS, UNET).build()
    copied = {name: tensor for name, tensor in unet.state_dict().items() if name in control.state_dict()}
    control.load_state_dict(copied, strict=False)
    for layer in (*control.zero_convs.modules(), *control.middle_block_out.modules()):
        if isinstance(layer, nn.Conv2d):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.get_parameter("bias"))
    return control


def edges_of(pictures: Sequence[npt.NDArray[np.uint8]], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """(N, H, W)."""
    found: list[npt.NDArray[np.bool_]] = []
    for picture in tqdm(pictures, "edges"):
        low = float(rng.uniform(*LOW_THRESHOLDS))
        image = Image(torch.from_numpy(picture)[None].float() / 255)
        edges = canny(image=image, low_threshold=low, high_threshold=2 * low)
        found.append(edges.pixels[0, ..., 0].numpy() > 0)
    return np.stack(found)


def train_edges(model: Networks, folder: Path, plan: Plan) -> Path:
    """Train to `steps`; the file."""
    rng = np.random.default_rng((plan.seed, 6))
    scenes = [sample_scene(rng) for _ in range(PICTURES)]
    pictures = [draw(scene) for scene in tqdm(scenes, "pictures")]
    edges = edges_of(pictures, rng)
    latents = encode_all(model, pictures, plan.device)
    tokens = Tokens()
    torch.manual_seed(plan.seed)
    control = new_controlnet(model.unet).to(plan.device)

    def loss_of(batch: npt.NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        told = [caption(scenes[index], rng) for index in batch]
        shown = ["" if rng.random() < EMPTY_SHARE else words for words in told]
        with computing_on(plan.device):
            context = model.text(model.text.embed(tokens(shown).to(plan.device)))
        hint = torch.from_numpy(edges[batch]).to(plan.device)[:, None].float().expand(-1, 3, -1, -1)
        return denoising_loss(Guided(model.unet, control, hint), latents[batch], context)

    averages = learn(control, loss_of, folder / "edges.safetensors", plan, pace=PACE, pictures=PICTURES)
    path = folder / "demo-edges.safetensors"
    weights = {f"control_model.{name}": tensor.half() for name, tensor in averages.items()}
    save_file(weights, path, metadata={"format": "pt"})
    return path
