"""The beta distribution's quantiles, which the beta schedule spaces its timesteps by."""

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Terms of the continued fraction, enough for parameters up to 50, and halvings of [0, 1].
_TERMS, _HALVINGS = 100, 60


def beta_quantiles(shares: Floats, a: float, b: float) -> Floats:
    """Where the distribution with parameters a, b > 0 reaches each share in [0, 1]; by bisection."""
    low, high = np.zeros_like(shares), np.ones_like(shares)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_below = beta_cdf(middle, a, b) < shares
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return np.where(shares <= 0, 0.0, np.where(shares >= 1, 1.0, (low + high) / 2))


def beta_cdf(x: Floats, a: float, b: float) -> Floats:
    """The regularised incomplete beta function I_x(a, b), x in [0, 1] (DLMF 8.17.22)."""
    # The fraction converges fast on this side of the mean only; the other side is its mirror image.
    is_mirrored = x > (a + 1) / (a + b + 2)
    here = np.where(is_mirrored, 1 - x, x)
    first, second = np.where(is_mirrored, b, a), np.where(is_mirrored, a, b)
    fraction = np.ones_like(here)
    for term in range(_TERMS, 0, -1):
        m = term // 2
        if term % 2:
            step = -(first + m) * (first + second + m) / ((first + 2 * m) * (first + 2 * m + 1))
        else:
            step = m * (second - m) / ((first + 2 * m - 1) * (first + 2 * m))
        fraction = 1 + step * here / fraction
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    with np.errstate(divide="ignore"):
        logarithm = scale + first * np.log(here) + second * np.log1p(-here)
    value = np.exp(logarithm) / (first * fraction)
    return np.where(is_mirrored, 1 - value, value)
