"""Sampler nodes on data whose answer is known: the usual settings are the named samplers', others differ."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.errors import BadInput, EngineError
from engine.graph.kinds import Conditioning, Latent, Model, Sampler, Sigmas
from engine.nodes import samplers
from engine.nodes.conditioning import conditioning_set_area
from engine.nodes.custom_sampling import sampler_custom
from engine.sampling.noise import brownian_noise, step_noise
from engine.sampling.schedules import karras
from tests.engine.nodes.studio import Studio
from tests.engine.sampling.gaussian import EPS, GaussianDenoiser, walk

SEEDS2 = samplers.sampler_seeds_2
HANDLE: Any = type("Handle", (), {"family": "sd1"})()
SA: dict[str, Any] = {"model": Model(HANDLE), "use_pece": False, "simple_order_2": False}
CPU: dict[str, Any] = {"noise_device": "cpu"}


def end_of(sampler: Sampler) -> Tensor:
    levels = karras(EPS, 6)
    x = torch.linspace(-20, 20, 8).reshape(1, 8)
    draw = brownian_noise(x, 1, levels) if sampler.method.is_brownian else step_noise(x, 1)
    return walk(sampler.method, GaussianDenoiser(0.3, bias=0.1), x, levels, draw)


@pytest.mark.parametrize(
    ("chosen", "name"),
    [
        (samplers.sampler_euler_ancestral(), "euler_ancestral"),
        (samplers.sampler_euler_ancestral(eta=0.0), "euler"),
        (samplers.sampler_euler_ancestral_cfg_pp(), "euler_ancestral_cfg_pp"),
        (samplers.sampler_euler_ancestral_cfg_pp(eta=0.0), "euler_cfg_pp"),
        (samplers.sampler_euler_cfg_pp(version="regular"), "euler_cfg_pp"),
        (samplers.sampler_lms(), "lms"),
        (samplers.sampler_lms(order=1), "euler"),
        (samplers.sampler_dpmpp_3m_sde(**CPU), "dpmpp_3m_sde"),
        (samplers.sampler_dpmpp_2m_sde(solver_type="midpoint", **CPU), "dpmpp_2m_sde"),
        (samplers.sampler_dpmpp_2m_sde(solver_type="heun", **CPU), "dpmpp_2m_sde_heun"),
        (samplers.sampler_dpmpp_sde(**CPU), "dpmpp_sde"),
        (samplers.sampler_dpmpp_sde(noise_device="gpu"), "dpmpp_sde_gpu"),
        (samplers.sampler_dpmpp_2s_ancestral(), "dpmpp_2s_ancestral"),
        (samplers.sampler_dpm_adaptive(), "dpm_adaptive"),
        (samplers.sampler_er_sde(solver_type="ER-SDE"), "er_sde"),
        (samplers.sampler_sa_solver(**SA), "sa_solver"),
        (samplers.sampler_sa_solver(**(SA | {"use_pece": True})), "sa_solver_pece"),
        (SEEDS2(solver_type="phi_1"), "seeds_2"),
        (SEEDS2(solver_type="phi_2", r=1.0), "exp_heun_2_x0_sde"),
        (SEEDS2(solver_type="phi_2", r=1.0, eta=0.0), "exp_heun_2_x0"),
    ],
)
def test_the_usual_settings_are_the_named_samplers(chosen: Sampler, name: str) -> None:
    torch.testing.assert_close(
        end_of(chosen), end_of(samplers.ksampler_select(sampler_name=name)), rtol=1e-5, atol=1e-5
    )


ADAPTIVE = samplers.sampler_dpm_adaptive
CHANGES = [
    (samplers.sampler_euler_ancestral, {}, {"eta": 0.5}),
    (samplers.sampler_euler_ancestral, {}, {"s_noise": 0.5}),
    (samplers.sampler_euler_ancestral_cfg_pp, {}, {"s_noise": 0.5}),
    (samplers.sampler_lms, {}, {"order": 2}),
    (samplers.sampler_dpmpp_3m_sde, CPU, {"eta": 0.5}),
    (samplers.sampler_dpmpp_3m_sde, CPU, {"s_noise": 0.5}),
    (samplers.sampler_dpmpp_2m_sde, {"solver_type": "heun", **CPU}, {"eta": 0.5}),
    (samplers.sampler_dpmpp_2m_sde, {"solver_type": "heun", **CPU}, {"s_noise": 0.5}),
    (samplers.sampler_dpmpp_sde, CPU, {"eta": 0.5}),
    (samplers.sampler_dpmpp_sde, CPU, {"s_noise": 0.5}),
    (samplers.sampler_dpmpp_sde, CPU, {"r": 0.7}),
    (samplers.sampler_dpmpp_2s_ancestral, {}, {"eta": 0.5}),
    (samplers.sampler_dpmpp_2s_ancestral, {}, {"s_noise": 0.5}),
    (ADAPTIVE, {}, {"order": 2}),
    (ADAPTIVE, {}, {"rtol": 0.005}),
    (ADAPTIVE, {}, {"atol": 1.0}),
    (ADAPTIVE, {}, {"h_init": 0.2}),
    (ADAPTIVE, {}, {"pcoeff": 0.3}),
    (ADAPTIVE, {}, {"icoeff": 0.5}),
    (ADAPTIVE, {}, {"dcoeff": 0.2}),
    (ADAPTIVE, {}, {"eta": 0.5}),
    (ADAPTIVE, {"eta": 0.5}, {"s_noise": 0.5}),
    (samplers.sampler_er_sde, {"solver_type": "ER-SDE"}, {"solver_type": "ODE"}),
    (samplers.sampler_er_sde, {"solver_type": "ER-SDE"}, {"max_stage": 1}),
    (samplers.sampler_er_sde, {"solver_type": "ER-SDE"}, {"s_noise": 0.5}),
    (samplers.sampler_er_sde, {"solver_type": "Reverse-time SDE"}, {"eta": 0.5}),
    (samplers.sampler_sa_solver, SA, {"eta": 0.5}),
    (samplers.sampler_sa_solver, SA, {"sde_start_percent": 0.5}),
    (samplers.sampler_sa_solver, SA, {"sde_end_percent": 0.5}),
    (samplers.sampler_sa_solver, SA, {"s_noise": 0.5}),
    (samplers.sampler_sa_solver, SA, {"predictor_order": 1}),
    (samplers.sampler_sa_solver, SA, {"corrector_order": 0}),
    (samplers.sampler_sa_solver, SA | {"predictor_order": 2}, {"simple_order_2": True}),
    (SEEDS2, {"solver_type": "phi_1"}, {"solver_type": "phi_2"}),
    (SEEDS2, {"solver_type": "phi_1"}, {"eta": 0.5}),
    (SEEDS2, {"solver_type": "phi_1"}, {"s_noise": 0.5}),
    (SEEDS2, {"solver_type": "phi_1"}, {"r": 0.7}),
]


def identify(value: Any) -> str:
    """A node by its name and settings by their values, since ids must be the same in every process."""
    if isinstance(value, dict):
        return ",".join(f"{name}={setting}" for name, setting in value.items() if name != "model")
    return str(value.name)


@pytest.mark.parametrize(("choose", "settings", "change"), CHANGES, ids=identify)
def test_every_setting_changes_the_walk(
    choose: Any, settings: dict[str, Any], change: dict[str, Any]
) -> None:
    before, after = end_of(choose(**settings)), end_of(choose(**(settings | change)))
    assert torch.isfinite(after).all()
    assert not torch.equal(before, after)


def test_without_noise_the_reverse_time_equation_is_the_ordinary_one() -> None:
    ordinary = samplers.sampler_er_sde(solver_type="ODE")
    reverse = samplers.sampler_er_sde(solver_type="Reverse-time SDE", eta=0.0)
    assert torch.equal(end_of(ordinary), end_of(reverse))


def test_a_safety_of_zero_accepts_every_step() -> None:
    strict, lax = GaussianDenoiser(), GaussianDenoiser()
    for denoiser, safety in ((strict, 0.81), (lax, 0.0)):
        method = ADAPTIVE(accept_safety=safety, h_init=3.0).method
        walk(method, denoiser, torch.ones(4) * 10, karras(EPS, 6))
    assert lax.estimates < strict.estimates


@pytest.mark.parametrize(
    ("change", "said"),
    [({"h_init": 0.0}, "h_init is 0"), ({"atol": 0.0}, "atol is 0"), ({"accept_safety": 2.6}, "no step is")],
)
def test_settings_that_would_never_end_are_refused(change: dict[str, float], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        ADAPTIVE(**change)  # type: ignore[arg-type]


def test_an_estimate_at_no_distance_is_refused() -> None:
    with pytest.raises(BadInput, match="r is 0"):
        samplers.sampler_dpmpp_sde(r=0.0, **CPU)


def test_adaptive_steps_stop_at_numbers_that_are_not_finite() -> None:
    with pytest.raises(EngineError, match="not finite"):
        walk(ADAPTIVE().method, lambda x, sigma: x * float("nan"), torch.ones(4), karras(EPS, 6))


def test_the_alternative_moves_as_far_from_the_unconditional_estimate_as_that_is_from_the_guided_one() -> (
    None
):
    method = samplers.sampler_euler_cfg_pp(version="alternative").method
    x, denoiser = torch.linspace(-20, 20, 8).reshape(1, 8), GaussianDenoiser(0.3, bias=0.1)
    guided, unconditional = denoiser.with_unconditional(x, 5.0)
    found = walk(method, denoiser, x, torch.tensor([5.0, 0.0]))
    torch.testing.assert_close(found, 2 * guided - unconditional)


def test_without_an_unconditional_side_of_its_own_the_alternative_is_euler() -> None:
    method = samplers.sampler_euler_cfg_pp(version="alternative").method
    x, levels = torch.linspace(-20, 20, 8).reshape(1, 8), karras(EPS, 6)
    euler = walk(samplers.ksampler_select(sampler_name="euler").method, GaussianDenoiser(0.3), x, levels)
    torch.testing.assert_close(walk(method, GaussianDenoiser(0.3), x, levels), euler)


def upscale(ratio: float, steps: int, *, method: Any = "bilinear") -> Sampler:
    return samplers.sampler_lcm_upscale(scale_ratio=ratio, scale_steps=steps, upscale_method=method)


def sizes_of(sampler: Sampler, levels: Tensor) -> list[tuple[int, ...]]:
    """What the denoiser is shown, and where the walk ends."""
    x, seen = torch.ones(1, 4, 8, 6), list[tuple[int, ...]]()

    def denoiser(x: Tensor, sigma: float) -> Tensor:
        seen.append(tuple(x.shape[-2:]))
        return x * 0.5

    end = walk(sampler.method, denoiser, x, levels, step_noise(x, 1))
    return [*seen, tuple(end.shape[-2:])]


FOUR_STEPS = torch.tensor([8.0, 4.0, 2.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("ratio", "steps", "expected"),
    [
        (2.0, -1, [(8, 6), (12, 9), (16, 12), (16, 12), (16, 12)]),
        (2.0, 1, [(8, 6), (16, 12), (16, 12), (16, 12), (16, 12)]),
        (2.0, 4, [(8, 6), (10, 8), (12, 9), (14, 10), (16, 12)]),
        (0.5, 2, [(8, 6), (6, 4), (4, 3), (4, 3), (4, 3)]),
        (2.0, 0, [(8, 6)] * 5),
    ],
)
def test_the_picture_grows_by_equal_amounts_a_step(
    ratio: float, steps: int, expected: list[tuple[int, int]]
) -> None:
    assert sizes_of(upscale(ratio, steps), FOUR_STEPS) == expected


def test_a_picture_that_does_not_grow_is_lcms() -> None:
    x = torch.linspace(-20, 20, 32).reshape(1, 2, 4, 4)
    lcm = samplers.ksampler_select(sampler_name="lcm")
    found, expected = (
        walk(sampler.method, GaussianDenoiser(0.3), x, FOUR_STEPS, step_noise(x, 1))
        for sampler in (upscale(1.0, -1), lcm)
    )
    assert torch.equal(found, expected)


def run_upscaled(studio: Studio, latent: Latent, positive: Conditioning) -> Latent:
    ended, _ = sampler_custom(
        model=studio.load()[0],
        cfg=2.0,
        positive=positive,
        negative=studio.encode("blurry"),
        sampler=upscale(1.5, -1, method="bislerp"),
        sigmas=Sigmas(FOUR_STEPS),
        latent_image=latent,
        ctx=studio.context,
    )
    return ended


def test_a_whole_run_ends_larger(studio: Studio) -> None:
    ended = run_upscaled(studio, Latent(torch.zeros(1, 4, 8, 8)), studio.encode("a cat"))
    assert ended.samples.shape == (1, 4, 12, 12)
    assert ended.samples.isfinite().all()


def test_what_is_bound_to_places_does_not_grow(studio: Studio) -> None:
    cat, latent = studio.encode("a cat"), Latent(torch.zeros(1, 4, 8, 8))
    masked = replace(latent, noise_mask=torch.ones(1, 64, 64))
    area = conditioning_set_area(conditioning=cat, width=64, height=64)
    for bound in ((masked, cat), (latent, area)):
        with pytest.raises(BadInput, match="SamplerLCMUpscale changes the picture's size"):
            run_upscaled(studio, *bound)
