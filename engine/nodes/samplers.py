"""Nodes that choose a sampler and its settings."""

import math
from functools import partial
from typing import Annotated, Literal

from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import EXACT, FloatWidget, IntWidget, Model, Sampler, Tip
from engine.graph.spec import node
from engine.nodes.denoising import sigmas_of
from engine.nodes.resize import resize
from engine.nodes.sampling import SamplerName
from engine.sampling.samplers.dpm_solver import StepControl, dpm_adaptive
from engine.sampling.samplers.er_sde import Extended, er_sde
from engine.sampling.samplers.euler import (
    euler_ancestral,
    euler_ancestral_cfg_pp,
    euler_away_from_unconditional,
    euler_cfg_pp,
)
from engine.sampling.samplers.exponential import dpmpp_2s_ancestral
from engine.sampling.samplers.method import Method
from engine.sampling.samplers.multistep import lms
from engine.sampling.samplers.sa_solver import StochasticAdams, sa_solver
from engine.sampling.samplers.sde import Singlestep, TwoStep, dpmpp_2m_sde, dpmpp_3m_sde, dpmpp_sde
from engine.sampling.samplers.seeds import TwoStage, seeds_2
from engine.sampling.samplers.steps import Stochastic
from engine.sampling.samplers.table import SAMPLERS
from engine.sampling.samplers.upscaling import Upscaling, lcm_upscale

_CATEGORY = "sampling/custom_sampling/samplers"
# A step's factor is 1 + arctan of something: no safety above it would ever accept one.
MAX_SAFETY = 1 + math.pi / 2

Hundred = Annotated[float, FloatWidget(0.0, 100.0, step=0.01, round=EXACT)]
Eta = Annotated[
    float, FloatWidget(0.0, 100.0, step=0.01, round=EXACT), Tip("How much of the noise is fresh.")
]
NoiseScale = Annotated[
    float, FloatWidget(0.0, 100.0, step=0.01, round=EXACT), Tip("The deviation of fresh noise.")
]
NoiseDevice = Annotated[
    Literal["gpu", "cpu"], Tip("Noise always comes from the CPU, for the same picture on every machine.")
]
Percent = Annotated[float, FloatWidget(0.0, 1.0, step=0.001)]


@node("KSamplerSelect", category=_CATEGORY)
def ksampler_select(*, sampler_name: SamplerName) -> Sampler:
    """A sampler by its name, with the usual settings."""
    return Sampler(SAMPLERS[sampler_name])


@node("SamplerEulerAncestral", category=_CATEGORY)
def sampler_euler_ancestral(*, eta: Eta = 1.0, s_noise: NoiseScale = 1.0) -> Sampler:
    """Euler with fresh noise at each step."""
    return Sampler(Method(partial(euler_ancestral, settings=Stochastic(eta, s_noise))))


@node("SamplerEulerAncestralCFGPP", category=_CATEGORY, title="SamplerEulerAncestralCFG++")
def sampler_euler_ancestral_cfg_pp(
    *,
    eta: Annotated[float, FloatWidget(0.0, 1.0, step=0.01, round=EXACT)] = 1.0,
    s_noise: Annotated[float, FloatWidget(0.0, 10.0, step=0.01, round=EXACT)] = 1.0,
) -> Sampler:
    """Euler with fresh noise, that puts back the noise of the estimate without the prompt."""
    return Sampler(Method(partial(euler_ancestral_cfg_pp, settings=Stochastic(eta, s_noise))))


@node("SamplerEulerCFGpp", category="_for_testing", title="SamplerEulerCFG++")
def sampler_euler_cfg_pp(*, version: Literal["regular", "alternative"]) -> Sampler:
    """Euler that puts back the noise of the estimate without the prompt, or moves away from that estimate."""
    return Sampler(Method(euler_cfg_pp if version == "regular" else euler_away_from_unconditional))


@node("SamplerLMS", category=_CATEGORY)
def sampler_lms(*, order: Annotated[int, IntWidget(1, 100)] = 4) -> Sampler:
    """A linear multistep method."""
    return Sampler(Method(partial(lms, order=order)))


@node("SamplerDPMPP_3M_SDE", category=_CATEGORY)
def sampler_dpmpp_3m_sde(*, eta: Eta = 1.0, s_noise: NoiseScale = 1.0, noise_device: NoiseDevice) -> Sampler:
    """SDE-DPM-Solver++ of three estimates."""
    return Sampler(Method(partial(dpmpp_3m_sde, settings=Stochastic(eta, s_noise)), is_brownian=True))


@node("SamplerDPMPP_2M_SDE", category=_CATEGORY)
def sampler_dpmpp_2m_sde(
    *,
    solver_type: Literal["midpoint", "heun"],
    eta: Eta = 1.0,
    s_noise: NoiseScale = 1.0,
    noise_device: NoiseDevice,
) -> Sampler:
    """SDE-DPM-Solver++ of two estimates."""
    settings = TwoStep(eta, s_noise, solver_type)
    return Sampler(Method(partial(dpmpp_2m_sde, settings=settings), is_brownian=True))


@node("SamplerDPMPP_SDE", category=_CATEGORY)
def sampler_dpmpp_sde(
    *, eta: Eta = 1.0, s_noise: NoiseScale = 1.0, r: Hundred = 0.5, noise_device: NoiseDevice
) -> Sampler:
    """DPM-Solver++ of the stochastic equation, with a second estimate at the share r of each step."""
    if r == 0:
        raise BadInput("r is 0, and has to be above 0: the second estimate would be the first again")
    return Sampler(Method(partial(dpmpp_sde, settings=Singlestep(eta, s_noise, r)), is_brownian=True))


@node("SamplerDPMPP_2S_Ancestral", category=_CATEGORY)
def sampler_dpmpp_2s_ancestral(*, eta: Eta = 1.0, s_noise: NoiseScale = 1.0) -> Sampler:
    """DPM-Solver++ with a second estimate in the middle of each step, and fresh noise."""
    return Sampler(Method(partial(dpmpp_2s_ancestral, settings=Stochastic(eta, s_noise))))


@node("SamplerDPMAdaptative", category=_CATEGORY)
def sampler_dpm_adaptive(
    *,
    order: Annotated[int, IntWidget(2, 3)] = 3,
    rtol: Hundred = 0.05,
    atol: Hundred = 0.0078,
    h_init: Hundred = 0.05,
    pcoeff: Hundred = 0.0,
    icoeff: Hundred = 1.0,
    dcoeff: Hundred = 0.0,
    accept_safety: Hundred = 0.81,
    eta: Hundred = 0.0,
    s_noise: NoiseScale = 1.0,
) -> Sampler:
    """DPM-Solver with steps as wide as the tolerated error allows."""
    if h_init == 0:
        raise BadInput("h_init is 0, and has to be above 0: steps of no width lead nowhere")
    if atol == 0:
        raise BadInput("atol is 0, and has to be above 0: no step may be without error where x is 0")
    if accept_safety >= MAX_SAFETY:
        raise BadInput(f"accept_safety is {accept_safety}: from {MAX_SAFETY:.2f} on no step is accepted")
    settings = StepControl(order, rtol, atol, h_init, pcoeff, icoeff, dcoeff, accept_safety, eta, s_noise)
    return Sampler(Method(partial(dpm_adaptive, settings=settings)))


@node("SamplerER_SDE", category=_CATEGORY)
def sampler_er_sde(
    *,
    solver_type: Literal["ER-SDE", "Reverse-time SDE", "ODE"],
    max_stage: Annotated[int, IntWidget(1, 3)] = 3,
    eta: Eta = 1.0,
    s_noise: NoiseScale = 1.0,
) -> Sampler:
    """ER-SDE-Solver. eta is the noise of the reverse-time equation; the others have a fixed amount, or
    none.
    """
    return Sampler(Method(partial(er_sde, settings=Extended(eta, s_noise, solver_type, max_stage))))


@node("SamplerLCMUpscale", category=_CATEGORY)
def sampler_lcm_upscale(
    *,
    scale_ratio: Annotated[float, FloatWidget(0.1, 20.0, step=0.01)] = 1.0,
    scale_steps: Annotated[
        int, IntWidget(-1, 1000, step=1), Tip("Over how many steps; -1 for half of them.")
    ] = -1,
    upscale_method: Literal["bislerp", "nearest-exact", "bilinear", "area", "bicubic"],
) -> Sampler:
    """LCM that makes the picture larger on its way."""

    def scale(x: Tensor, width: int, height: int) -> Tensor:
        return resize(x, width, height, upscale_method)

    settings = Upscaling(scale_ratio, None if scale_steps < 0 else scale_steps, scale)
    return Sampler(Method(partial(lcm_upscale, settings=settings), changes_size=True))


@node("SamplerSASolver", category=_CATEGORY)
def sampler_sa_solver(
    *,
    model: Model,
    eta: Annotated[float, FloatWidget(0.0, 10.0, step=0.01, round=EXACT)] = 1.0,
    sde_start_percent: Percent = 0.2,
    sde_end_percent: Percent = 0.8,
    s_noise: NoiseScale = 1.0,
    predictor_order: Annotated[int, IntWidget(1, 6)] = 3,
    corrector_order: Annotated[int, IntWidget(0, 6)] = 4,
    use_pece: bool,
    simple_order_2: bool,
) -> Sampler:
    """Stochastic Adams methods, with noise between two shares of the way."""
    sigmas = sigmas_of(model)
    settings = StochasticAdams(
        eta,
        s_noise,
        noisy_from=sigmas.sigma_at_percent(sde_start_percent),
        noisy_to=sigmas.sigma_at_percent(sde_end_percent),
        predictor_order=predictor_order,
        corrector_order=corrector_order,
        evaluates_twice=use_pece,
        is_simple_2=simple_order_2,
    )
    return Sampler(Method(partial(sa_solver, settings=settings)))


@node("SamplerSEEDS2", category=_CATEGORY)
def sampler_seeds_2(
    *,
    solver_type: Literal["phi_1", "phi_2"],
    eta: Eta = 1.0,
    s_noise: NoiseScale = 1.0,
    r: Annotated[float, FloatWidget(0.01, 1.0, step=0.01, round=EXACT)] = 0.5,
) -> Sampler:
    """SEEDS-2: two estimates a step, the second at its share r."""
    settings = TwoStage(eta, s_noise, r, is_phi_2=solver_type == "phi_2")
    return Sampler(Method(partial(seeds_2, settings=settings)))
