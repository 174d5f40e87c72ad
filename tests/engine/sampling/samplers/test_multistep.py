from functools import partial

import pytest
import torch
from diffusers import LMSDiscreteScheduler
from scipy.integrate import quad

from engine.sampling.samplers.euler import euler
from engine.sampling.samplers.multistep import _weigh_unequal, integrate_lagrange, lms
from tests.engine.sampling.gaussian import exact_denoiser, falling, walk


def test_the_weights_integrate_the_polynomials_that_scipy_does() -> None:
    known = [5.0, 7.0, 10.0, 14.0]

    def polynomial(u: float, chosen: int) -> float:
        value = 1.0
        for place, other in enumerate(known):
            value *= 1.0 if place == chosen else (u - other) / (known[chosen] - other)
        return value

    expected = [quad(polynomial, 5.0, 3.0, args=(chosen,))[0] for chosen in range(4)]
    assert integrate_lagrange(known, 5.0, 3.0) == pytest.approx(expected)


def test_lms_makes_diffusers_steps() -> None:
    scheduler = LMSDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    scheduler.set_timesteps(8)
    x = torch.tensor([[[[5.0, -7.0]]]]) * scheduler.sigmas[0]
    theirs, denoiser = x, exact_denoiser()
    for timestep, sigma in zip(scheduler.timesteps[:-1], scheduler.sigmas, strict=False):
        noise = (theirs - denoiser(theirs, float(sigma))) / sigma
        theirs = scheduler.step(noise, timestep, theirs, order=4).prev_sample
    # Their integrals are numeric, to 1e-4.
    torch.testing.assert_close(
        walk(lms, denoiser, x, scheduler.sigmas[:-1].float()), theirs, rtol=1e-3, atol=1e-4
    )


def test_order_one_is_euler() -> None:
    x, levels = torch.ones(1), falling(5)
    torch.testing.assert_close(
        walk(partial(lms, order=1), exact_denoiser(), x, levels), walk(euler, exact_denoiser(), x, levels)
    )


@pytest.mark.parametrize(("step", "expected"), [(1, (3 / 2, -1 / 2)), (0, (1.0,))])
def test_weights_of_equal_steps_are_adams_and_bashforths(step: int, expected: tuple[float, ...]) -> None:
    assert _weigh_unequal([4.0, 3.0, 2.0, 1.0, 0.5], step) == pytest.approx([-weight for weight in expected])


@pytest.mark.parametrize("step", [0, 1, 2])
def test_weights_of_unequal_steps_add_up_to_the_step(step: int) -> None:
    levels = [14.0, 9.0, 5.0, 3.0, 1.0]
    assert sum(_weigh_unequal(levels, step)) == pytest.approx(levels[step + 1] - levels[step])
