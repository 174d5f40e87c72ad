"""What nodes that sample need of a model: its noise levels, its latent space, its conditions."""

from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import CondEntry, Conditioning, Latent, Model, Parametrisation, PictureSize
from engine.models.detect import find_family
from engine.models.family import Family
from engine.models.sd_unet import SdUNetConfig
from engine.models.size_vector import numbers_of, size_vector
from engine.nodes.control_hints import bind_control
from engine.nodes.regions import region_of
from engine.residency.device import Placement, activation_budget_bytes
from engine.residency.pool import Pool
from engine.sampling.denoiser import Condition
from engine.sampling.prediction import DiscreteSigmas, build_sigmas
from engine.sampling.sample import LatentScale

INPAINT_CHANNELS, PIX2PIX_CHANNELS = 9, 8
# Of a U-Net's inner values: bytes a latent cell for each byte of its precision, and how many times that is
# kept free. ComfyUI's estimate, 0.01 MiB.
CELL_BYTES, SPARE = 0.01 * 2**20, 1.5
# The latent of a grey picture in model space, a number a channel: what an inpainting network is shown where
# nothing is given.
GREY_LATENT = (0.8223, -0.6876, 0.6364, 0.1380)


def most_cells(model: Model, placement: Placement) -> int:
    """How many latent cells a call of the network may have."""
    memory = find_family(model.handle.family).memory
    bytes_per_cell = CELL_BYTES * memory * placement.dtype_of("unet").itemsize * SPARE
    return int(activation_budget_bytes(placement) / bytes_per_cell)


def parametrisation_of(model: Model) -> Parametrisation:
    """What a node or the file says, otherwise the family's."""
    return model.parametrisation or find_family(model.handle.family).parametrisation


def sigmas_of(model: Model) -> DiscreteSigmas:
    """The noise levels that the network was trained at."""
    return build_sigmas(parametrisation_of(model))


def space_of(model: Model) -> LatentScale:
    """How latents enter the network."""
    latent = find_family(model.handle.family).latent
    return LatentScale(latent.scale, latent.shift)


def check_fit(model: Model, latent: Latent, *sides: Conditioning) -> None:
    """Raises BadInput where tensors cannot go through the network."""
    config, family = cast("SdUNetConfig", model.handle.config), find_family(model.handle.family)
    title = f"{model.handle.path.name} ({family.title})"
    if latent.samples.shape[1] != family.latent.channels:
        raise BadInput(
            f"the latent has {latent.samples.shape[1]} channels, {title} takes {family.latent.channels}"
        )
    entries = [entry for side in sides for entry in side.entries]
    if wrong := {entry.cond.shape[-1] for entry in entries} - {config.context_width}:
        raise BadInput(
            f"the conditioning is {wrong.pop()} wide, {title} takes {config.context_width}:"
            " encode the prompt with the text encoder of the same checkpoint"
        )
    if family.vector and any(entry.pooled is None for entry in entries):
        raise BadInput(
            f"the conditioning has no vector of the whole text, which {title} takes:"
            " encode the prompt with the text encoder of the same checkpoint"
        )


def conditions_of(
    side: Conditioning, model: Model, latent: Latent, pool: Pool, *, is_negative: bool
) -> list[Condition]:
    """The entries as the network takes them, on the pool's device."""
    device, sigmas = pool.placement.device, sigmas_of(model)
    return [
        Condition(
            entry.cond.to(device),
            vector_of(entry, model, latent, is_negative=is_negative, device=device),
            channels_of(entry, model, latent, device),
            region_of(entry, sigmas, latent.samples.shape[-2:], device),
            entry.control and bind_control(entry.control, model, sigmas, pool),
            entry.control is not None and entry.control.is_for_all,
            are_negative=(is_negative,),
        )
        for entry in side.entries
    ]


def vector_of(
    entry: CondEntry, model: Model, latent: Latent, *, is_negative: bool, device: torch.device
) -> Tensor | None:
    """(B, V) for families that are told sizes, as if the picture were whole where nobody says otherwise."""
    family = find_family(model.handle.family)
    if family.vector is None or entry.pooled is None:
        return None
    height, width = (side * family.latent.factor for side in latent.samples.shape[-2:])
    numbers = numbers_of(family.vector, entry.size or PictureSize(width, height), is_negative=is_negative)
    return size_vector(entry.pooled.to(device), numbers)


def channels_of(entry: CondEntry, model: Model, latent: Latent, device: torch.device) -> Tensor | None:
    """(B, C', h, w) beside the noisy latent: mask and masked picture, or the picture to change."""
    channels = cast("SdUNetConfig", model.handle.config).in_channels
    family = find_family(model.handle.family)
    if channels == INPAINT_CHANNELS:
        return _inpaint_channels(entry, model, latent).to(device)
    if channels == PIX2PIX_CHANNELS:
        return _pix2pix_channels(entry, model, family, latent).to(device)
    return None


def _inpaint_channels(entry: CondEntry, model: Model, latent: Latent) -> Tensor:
    """A mask of whole latent cells, 1 = repaint, and the picture without what it covers, in model space."""
    size = latent.samples.shape[-2:]
    mask = latent.noise_mask if entry.concat_mask is None else entry.concat_mask
    if mask is None:
        grey = torch.tensor(GREY_LATENT)[None, :, None, None].expand(1, -1, *size)
        return torch.cat([torch.ones(1, 1, *size), grey], dim=1)
    picture = latent.samples if entry.concat_latent is None else entry.concat_latent
    covered = _resize(mask.float().reshape(-1, 1, *mask.shape[-2:]), size).round()
    shown = _resize(space_of(model).to_model(picture.float()), size)
    batch = max(len(covered), len(shown))
    return torch.cat([_repeat(covered, batch), _repeat(shown, batch)], dim=1)


def _pix2pix_channels(entry: CondEntry, model: Model, family: Family, latent: Latent) -> Tensor:
    """The picture's latent: as the VAE gives it, which is how these networks were trained, except CosXL's."""
    size = latent.samples.shape[-2:]
    if entry.concat_latent is None:
        return torch.zeros(1, family.latent.channels, *size)
    is_cosxl = parametrisation_of(model).levels == "logarithmic"
    return _resize(entry.concat_latent.float() * (family.latent.scale if is_cosxl else 1.0), size)


def _resize(picture: Tensor, size: torch.Size) -> Tensor:
    return picture if picture.shape[-2:] == size else F.interpolate(picture, list(size), mode="bilinear")


def _repeat(tensor: Tensor, batch: int) -> Tensor:
    return tensor[torch.arange(batch) % len(tensor)]
