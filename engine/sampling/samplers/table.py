"""All samplers by the names that workflows use."""

from collections.abc import Mapping
from functools import partial

from engine.sampling.samplers.dpm_solver import dpm_adaptive, dpm_fast
from engine.sampling.samplers.er_sde import er_sde
from engine.sampling.samplers.euler import (
    ddpm,
    euler,
    euler_ancestral,
    euler_ancestral_cfg_pp,
    euler_cfg_pp,
    gradient_estimation,
    gradient_estimation_cfg_pp,
    lcm,
)
from engine.sampling.samplers.exponential import (
    dpmpp_2m,
    dpmpp_2m_cfg_pp,
    dpmpp_2s_ancestral,
    dpmpp_2s_ancestral_cfg_pp,
    res_multistep,
    res_multistep_cfg_pp,
)
from engine.sampling.samplers.heun import dpm_2, dpm_2_ancestral, heun, heunpp2
from engine.sampling.samplers.method import Method
from engine.sampling.samplers.multistep import deis, ipndm, ipndm_v, lms
from engine.sampling.samplers.sa_solver import SA_SOLVER_PECE, sa_solver
from engine.sampling.samplers.sde import TwoStep, dpmpp_2m_sde, dpmpp_3m_sde, dpmpp_sde
from engine.sampling.samplers.seeds import EXPONENTIAL_HEUN, EXPONENTIAL_HEUN_SDE, seeds_2, seeds_3
from engine.sampling.samplers.steps import ANCESTRAL
from engine.sampling.samplers.unipc import uni_pc

_DPMPP_SDE = Method(dpmpp_sde, is_brownian=True)
_DPMPP_2M_SDE = Method(dpmpp_2m_sde, is_brownian=True)
_DPMPP_2M_SDE_HEUN = Method(partial(dpmpp_2m_sde, settings=TwoStep(solver="heun")), is_brownian=True)
_DPMPP_3M_SDE = Method(dpmpp_3m_sde, is_brownian=True)

# The names that end in _gpu say where others draw their noise; here it always comes from the CPU, so that a
# seed gives the same picture on every machine.
SAMPLERS: Mapping[str, Method] = {
    "euler": Method(euler),
    "euler_cfg_pp": Method(euler_cfg_pp),
    "euler_ancestral": Method(euler_ancestral),
    "euler_ancestral_cfg_pp": Method(euler_ancestral_cfg_pp),
    "heun": Method(heun),
    "heunpp2": Method(heunpp2),
    "exp_heun_2_x0": Method(partial(seeds_2, settings=EXPONENTIAL_HEUN)),
    "exp_heun_2_x0_sde": Method(partial(seeds_2, settings=EXPONENTIAL_HEUN_SDE)),
    "dpm_2": Method(dpm_2, drops_second_last=True),
    "dpm_2_ancestral": Method(dpm_2_ancestral, drops_second_last=True),
    "lms": Method(lms),
    "dpm_fast": Method(dpm_fast),
    "dpm_adaptive": Method(dpm_adaptive),
    "dpmpp_2s_ancestral": Method(dpmpp_2s_ancestral),
    "dpmpp_2s_ancestral_cfg_pp": Method(dpmpp_2s_ancestral_cfg_pp),
    "dpmpp_sde": _DPMPP_SDE,
    "dpmpp_sde_gpu": _DPMPP_SDE,
    "dpmpp_2m": Method(dpmpp_2m),
    "dpmpp_2m_cfg_pp": Method(dpmpp_2m_cfg_pp),
    "dpmpp_2m_sde": _DPMPP_2M_SDE,
    "dpmpp_2m_sde_gpu": _DPMPP_2M_SDE,
    "dpmpp_2m_sde_heun": _DPMPP_2M_SDE_HEUN,
    "dpmpp_2m_sde_heun_gpu": _DPMPP_2M_SDE_HEUN,
    "dpmpp_3m_sde": _DPMPP_3M_SDE,
    "dpmpp_3m_sde_gpu": _DPMPP_3M_SDE,
    "ddpm": Method(ddpm),
    "lcm": Method(lcm),
    "ipndm": Method(ipndm),
    "ipndm_v": Method(ipndm_v),
    "deis": Method(deis),
    "res_multistep": Method(res_multistep),
    "res_multistep_cfg_pp": Method(res_multistep_cfg_pp),
    "res_multistep_ancestral": Method(partial(res_multistep, settings=ANCESTRAL)),
    "res_multistep_ancestral_cfg_pp": Method(partial(res_multistep_cfg_pp, settings=ANCESTRAL)),
    "gradient_estimation": Method(gradient_estimation),
    "gradient_estimation_cfg_pp": Method(gradient_estimation_cfg_pp),
    "er_sde": Method(er_sde),
    "seeds_2": Method(seeds_2),
    "seeds_3": Method(seeds_3),
    "sa_solver": Method(sa_solver),
    "sa_solver_pece": Method(partial(sa_solver, settings=SA_SOLVER_PECE)),
    "ddim": Method(euler, has_fresh_mask_noise=True),
    "uni_pc": Method(uni_pc, drops_second_last=True),
    "uni_pc_bh2": Method(partial(uni_pc, is_bh2=True), drops_second_last=True),
}
