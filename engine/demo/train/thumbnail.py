"""First weights for the autoencoder: latents are mean colours of 8 x 8 pixels, and decoding smooths them.

A group norm takes two numbers a group from every picture, its mean and its scale. With one or two channels
a group the colour of a plain picture cannot pass, and training struggles around that for thousands of steps.
With three channels, (x, -x, constant), x passes unharmed, and SiLU(x) - SiLU(-x) = x gives it back.
"""

from typing import Final

import torch
from torch import Tensor, nn

from engine.models.kl_vae import KlVae

# What the constant channel of a norm's group holds: far above any colour, so that it alone sets the scale.
REFERENCE: Final = 5.0
# Latents begin almost without noise.
LOG_VARIANCE: Final = -6.0
# What the other channels add at first, as a share of their random start.
OTHERS: Final = 0.3
BOX: Final = ((0.25, 0.25), (0.25, 0.25))
BINOMIAL: Final = tuple(tuple(a * b for b in (0.25, 0.5, 0.25)) for a in (0.25, 0.5, 0.25))

Weights = dict[str, Tensor]


@torch.no_grad()
def carry_colours(vae: KlVae) -> None:
    """Lead red, green and blue along the skips from pixels to latents and from latents to pixels, in place.

    The first and the last width of `vae` have three channels a group; its other weights are as torch draws
    them.
    """
    weights: Weights = vae.state_dict()
    last = len(vae.config.widths) - 1
    for name in [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]:
        if name.endswith((".conv2", ".proj_out")):
            weights[f"{name}.weight"].zero_()
            weights[f"{name}.bias"].zero_()
        elif name.endswith(".nin_shortcut"):
            spread = name.startswith((f"encoder.down.{last}.", "decoder.up.0."))
            _pass_colours(weights, name, spread=spread)
        elif name.endswith(".conv_in"):
            _pass_colours(weights, name)
        elif name.endswith(".downsample.conv"):
            _pass_colours(weights, name, BOX)
        elif name.endswith(".upsample.conv"):
            _pass_colours(weights, name, BINOMIAL)
    for half in ("encoder", "decoder"):
        _gather_colours(weights, half)
    weights["encoder.conv_out.bias"][vae.config.latent_channels :] = LOG_VARIANCE
    for name in ("quant_conv", "post_quant_conv"):
        nn.init.eye_(weights[f"{name}.weight"][:, :, 0, 0])
        weights[f"{name}.bias"].zero_()


def _pass_colours(
    weights: Weights, name: str, kernel: tuple[tuple[float, ...], ...] | None = None, *, spread: bool = False
) -> None:
    """Channels 0 to 2 to themselves, through `kernel`; with `spread` to the groups that a norm lets pass."""
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    size = weight.shape[-1]
    taps = torch.zeros(size, size)
    if kernel is None:
        taps[size // 2, size // 2] = 1
    else:
        taps[: len(kernel), : len(kernel)] = torch.tensor(kernel)
    rows = 9 if spread else 3
    weight[:rows], bias[:rows] = 0, 0
    for colour in range(3):
        if spread:
            weight[3 * colour, colour], weight[3 * colour + 1, colour] = taps, -taps
            bias[3 * colour + 2] = REFERENCE
        else:
            weight[colour, colour] = taps


def _gather_colours(weights: Weights, half: str) -> None:
    """Outputs 0 to 2 of the last convolution, after norm and SiLU, are the colours; others stay small."""
    weight, bias = weights[f"{half}.conv_out.weight"], weights[f"{half}.conv_out.bias"]
    # Of (x, -x, c) with c far above x: the deviation is c * sqrt(2) / 3, and the mean c / 3.
    gain = REFERENCE * 2**0.5 / 3
    weight[3:] *= OTHERS
    weight[:3], bias[:3] = 0, 0
    for colour in range(3):
        weights[f"{half}.norm_out.bias"][3 * colour : 3 * colour + 2] = 0.5**0.5
        weight[colour, 3 * colour, 1, 1], weight[colour, 3 * colour + 1, 1, 1] = gain, -gain
