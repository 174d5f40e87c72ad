"""Nodes that lay pictures onto each other. Masks are 1 where a picture is transparent."""

from collections.abc import Callable, Mapping
from typing import Annotated

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's own convention
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import Choice, Image, Mask
from engine.graph.spec import node
from engine.nodes.pasting import Paste, paste
from engine.nodes.resize import fit, repeat_to
from engine.nodes.sides import Offset

# Below this, what is seen of a colour is lost in rounding.
_INVISIBLE = 1e-5

# Of source and destination: colour times alpha, and alpha. Gives both of the result.
# Porter and Duff 1984, table 1; the rest as SVG 1.2 writes the blend modes for premultiplied colours.
Composite = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def _over(sa: Tensor, da: Tensor) -> Tensor:
    return sa + da - sa * da


MODES: Mapping[str, Composite] = {
    "ADD": lambda s, sa, d, da: ((s + d).clamp(0, 1), (sa + da).clamp(0, 1)),
    "CLEAR": lambda s, sa, _d, _da: (torch.zeros_like(s), torch.zeros_like(sa)),
    "DARKEN": lambda s, sa, d, da: ((1 - da) * s + (1 - sa) * d + torch.minimum(s, d), _over(sa, da)),
    "DST": lambda _s, _sa, d, da: (d, da),
    "DST_ATOP": lambda s, sa, d, da: (sa * d + (1 - da) * s, sa),
    "DST_IN": lambda _s, sa, d, da: (d * sa, sa * da),
    "DST_OUT": lambda _s, sa, d, da: ((1 - sa) * d, (1 - sa) * da),
    "DST_OVER": lambda s, sa, d, da: (d + (1 - da) * s, _over(sa, da)),
    "LIGHTEN": lambda s, sa, d, da: ((1 - da) * s + (1 - sa) * d + torch.maximum(s, d), _over(sa, da)),
    "MULTIPLY": lambda s, sa, d, da: (s * d, sa * da),
    "OVERLAY": lambda s, sa, d, da: (
        torch.where(2 * d < da, 2 * s * d, sa * da - 2 * (da - d) * (sa - s)),
        _over(sa, da),
    ),
    "SCREEN": lambda s, sa, d, da: (s + d - s * d, _over(sa, da)),
    "SRC": lambda s, sa, _d, _da: (s, sa),
    "SRC_ATOP": lambda s, sa, d, da: (da * s + (1 - sa) * d, da),
    "SRC_IN": lambda s, sa, _d, da: (s * da, sa * da),
    "SRC_OUT": lambda s, sa, _d, da: ((1 - da) * s, (1 - da) * sa),
    "SRC_OVER": lambda s, sa, d, da: (s + (1 - sa) * d, _over(sa, da)),
    "XOR": lambda s, sa, d, da: ((1 - da) * s + (1 - sa) * d, (1 - da) * sa + (1 - sa) * da),
}
Mode = Annotated[str, Choice(tuple(MODES))]


@node("PorterDuffImageComposite", category="mask/compositing", title="Porter-Duff Image Composite")
def porter_duff_image_composite(
    *, source: Image, source_alpha: Mask, destination: Image, destination_alpha: Mask, mode: Mode = "DST"
) -> tuple[Image, Mask]:
    """Combines two pictures by one of Porter and Duff's rules. The masks are 1 where they are transparent."""
    if source.pixels.shape[-1] != destination.pixels.shape[-1]:
        raise BadInput(
            f"the source has {source.pixels.shape[-1]} channels, the destination"
            f" {destination.pixels.shape[-1]}; take the alpha of one out with Split Image with Alpha"
        )
    below = destination.pixels.movedim(-1, 1)
    parts = [below, *(_channels_first(part) for part in (source, source_alpha, destination_alpha))]
    count = min(map(len, parts))
    d, s, source_mask, destination_mask = (fit(part[:count], below, "bicubic") for part in parts)
    sa, da = 1 - source_mask, 1 - destination_mask
    premultiplied, alpha = MODES[mode](s * sa, sa, d * da, da)
    colour = torch.where(alpha > _INVISIBLE, premultiplied / alpha, 0).clamp(0, 1)
    return Image(colour.movedim(1, -1)), Mask(1 - alpha[:, 0])


@node("SplitImageWithAlpha", category="mask/compositing", title="Split Image with Alpha")
def split_image_with_alpha(*, image: Image) -> tuple[Image, Mask]:
    """Colours, and as a mask what is transparent; nothing is where there is no alpha."""
    pixels = image.pixels
    alpha = pixels[..., 3] if pixels.shape[-1] > 3 else torch.ones(pixels.shape[:3])
    return Image(pixels[..., :3]), Mask(1 - alpha)


@node("JoinImageWithAlpha", category="mask/compositing", title="Join Image with Alpha")
def join_image_with_alpha(*, image: Image, alpha: Mask) -> Image:
    """A picture that is transparent where the mask is 1."""
    count = max(len(image.pixels), len(alpha.values))
    mask = F.interpolate(alpha.values[:, None], size=image.pixels.shape[1:3], mode="bilinear")
    opaque = repeat_to(1 - mask, count).movedim(1, -1)
    return Image(torch.cat([repeat_to(image.pixels[..., :3], count), opaque], dim=-1))


@node("ImageCompositeMasked", category="image", title="ImageCompositeMasked")
def image_composite_masked(
    *,
    destination: Image,
    source: Image,
    x: Offset = 0,
    y: Offset = 0,
    resize_source: bool = False,
    mask: Mask | None = None,
) -> Image:
    """Lays one picture onto another where the mask is 1; without a mask all of it."""
    above = with_channels(source.pixels, destination.pixels.shape[-1]).movedim(-1, 1)
    where = Paste(x, y, mask.values if mask else None, resize_source)
    return Image(paste(destination.pixels.movedim(-1, 1), above, where).movedim(1, -1))


def with_channels(pixels: Tensor, count: int) -> Tensor:
    """(B, H, W, count): further channels are left out; missing ones, alpha that is, are 1."""
    kept = pixels[..., :count]
    return F.pad(kept, (0, count - kept.shape[-1]), value=1.0)


def _channels_first(part: Image | Mask) -> Tensor:
    return part.pixels.movedim(-1, 1) if isinstance(part, Image) else part.values[:, None]
