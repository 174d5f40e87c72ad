"""Areas, masks and ranges of conditioning, brought to the latent that is denoised."""

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import Area, CondEntry, RelativeArea
from engine.sampling.regions import Region
from engine.sampling.sigmas import DiscreteSigmas

# A mask's bounds are made at least so many cells wide and high.
MIN_SIDE = 8


def region_of(entry: CondEntry, sigmas: DiscreteSigmas, size: torch.Size, device: torch.device) -> Region:
    """Where and when the entry counts in a latent of that size (H, W). Raises BadInput."""
    mask = None if entry.mask is None else fit_mask(entry.mask, size).to(device)
    return Region(
        strength=entry.strength,
        area=bounds_of(mask) if mask is not None and entry.is_cut_to_mask else _area_in(size, entry.area),
        mask=None if mask is None else mask * entry.mask_strength,
        sigma_start=sigmas.sigma_at_percent(entry.start),
        sigma_end=sigmas.sigma_at_percent(entry.end),
        is_rest=entry.is_rest,
    )


def fit_mask(mask: Tensor, size: torch.Size) -> Tensor:
    """(B, H', W') -> (B, H, W), float32."""
    mask = mask.float()
    if mask.shape[-2:] == size:
        return mask
    return F.interpolate(mask[:, None], list(size), mode="bilinear")[:, 0]


def bounds_of(mask: Tensor) -> Area:
    """The smallest area with all that is not 0 in any of the masks (B, H, W)."""
    covered = mask.abs().amax(dim=0)
    rows, columns = covered.any(dim=1).nonzero().flatten(), covered.any(dim=0).nonzero().flatten()
    if not len(rows):
        return Area(MIN_SIDE, MIN_SIDE, 0, 0)
    y, x = int(rows[0]), int(columns[0])
    return Area(max(MIN_SIDE, int(rows[-1]) - y + 1), max(MIN_SIDE, int(columns[-1]) - x + 1), y, x)


def _area_in(size: torch.Size, area: Area | RelativeArea | None) -> Area | None:
    if isinstance(area, RelativeArea):
        height, width = size
        area = Area(
            max(1, round(area.height * height)),
            max(1, round(area.width * width)),
            round(area.y * height),
            round(area.x * width),
        )
    if area is not None and (area.y >= size[0] or area.x >= size[1]):
        raise BadInput(
            f"a conditioning's area begins at x = {area.x}, y = {area.y}, outside of the latent of"
            f" {size[1]} × {size[0]} cells; one cell is 8 pixels"
        )
    return area
