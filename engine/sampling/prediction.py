"""Networks adapted to the one convention: what they take and what their output says of the clean latent.

In the variables of Karras et al. 2022 (EDM); noise levels are in sigmas.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.graph.kinds import Parametrisation, Prediction
from engine.sampling.denoiser import Condition, Network
from engine.sampling.sigmas import DiscreteSigmas, build_sigmas, scaled_linear_sigmas

__all__ = [
    "Adapted",
    "DiscreteSigmas",
    "EpsPrediction",
    "Form",
    "adapt",
    "build_sigmas",
    "form_of",
    "scaled_linear_sigmas",
]

# Of consistency models (Luo et al. 2023, arXiv 2310.04378): the timestep's scale in the skip's weights, and
# the deviation of the data.
_LCM_TIMESTEP_SCALE, _LCM_DATA = 10.0, 0.5


@dataclass(frozen=True)
class Form:
    """input_scale: of x, from sigma.  denoised: from x, the network's output, sigma and its timestep."""

    input_scale: Callable[[float], float]
    denoised: Callable[[Tensor, Tensor, float, float], Tensor]


def form_of(prediction: Prediction, sigma_data: float = 1.0) -> Form:
    """How a network with this prediction is spoken to."""
    if prediction in ("v", "edm"):
        return _preconditioned(sigma_data, sign=-1.0 if prediction == "v" else 1.0)
    return _FORMS[prediction]


def _preconditioned(deviation: float, sign: float) -> Form:
    """Karras et al. 2022, table 1, column "Ours"; velocity (Salimans and Ho 2022) is its negative."""

    def denoised(x: Tensor, output: Tensor, sigma: float, timestep: float) -> Tensor:
        total = sigma**2 + deviation**2
        return x * (deviation**2 / total) + output * (sign * sigma * deviation / total**0.5)

    return Form(lambda sigma: (sigma**2 + deviation**2) ** -0.5, denoised)


def _unit(sigma: float) -> float:
    """Brings x to unit variance."""
    return (sigma**2 + 1) ** -0.5


def _from_noise(x: Tensor, output: Tensor, sigma: float, timestep: float) -> Tensor:
    return x - output * sigma


def _from_picture(x: Tensor, output: Tensor, sigma: float, timestep: float) -> Tensor:
    return output


def _from_consistency(x: Tensor, output: Tensor, sigma: float, timestep: float) -> Tensor:
    scaled = timestep * _LCM_TIMESTEP_SCALE
    total = scaled**2 + _LCM_DATA**2
    return (x - output * sigma) * (scaled / total**0.5) + x * (_LCM_DATA**2 / total)


_FORMS: Mapping[Prediction, Form] = {
    "eps": Form(_unit, _from_noise),
    "x0": Form(_unit, _from_picture),
    "lcm": Form(_unit, _from_consistency),
    "img_to_img": Form(lambda sigma: 1.0, _from_picture),
    "flow": Form(lambda sigma: 1.0, _from_noise),
}


@dataclass(frozen=True)
class Adapted:
    """A network, in its own precision, that tells the clean latent behind x; float32 outside of it."""

    network: Network
    sigmas: DiscreteSigmas
    dtype: torch.dtype
    form: Form

    def __call__(self, x: Tensor, sigma: float, condition: Condition) -> Tensor:
        """(B, C, H, W) at sigma, one condition a sample -> (B, C, H, W)."""
        scaled = x * self.form.input_scale(sigma)
        timestep = self.sigmas.timestep_at(sigma)
        timesteps = torch.full((x.shape[0],), timestep, device=x.device)
        shown = scaled if condition.channels is None else torch.cat([scaled, condition.channels], dim=1)
        arguments = [shown.to(self.dtype), timesteps, condition.text.to(self.dtype)]
        if condition.vector is not None:
            arguments.append(condition.vector.to(self.dtype))
        control = condition.control and condition.control(scaled, sigma, timesteps, condition)
        output = self.network(*arguments) if control is None else self.network(*arguments, control=control)
        return self.form.denoised(x, output.float(), sigma, timestep)


def adapt(network: Network, parametrisation: Parametrisation, dtype: torch.dtype) -> Adapted:
    """The network with the noise levels that it was trained at."""
    form = form_of(parametrisation.prediction, parametrisation.sigma_data)
    return Adapted(network, build_sigmas(parametrisation), dtype, form)


@dataclass(frozen=True)
class EpsPrediction:
    """A network that predicts the noise in x / sqrt(sigma^2 + 1) and is told a text only."""

    network: Network
    sigmas: DiscreteSigmas
    dtype: torch.dtype = torch.float32

    def __call__(self, x: Tensor, sigma: float, context: Tensor) -> Tensor:
        """denoised = x - sigma * network(...); (B, C, H, W), (B, T, D) -> (B, C, H, W)."""
        return Adapted(self.network, self.sigmas, self.dtype, _FORMS["eps"])(x, sigma, Condition(context))
