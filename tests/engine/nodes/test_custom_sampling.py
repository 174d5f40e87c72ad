from typing import Any

import pytest
import torch

from engine.errors import BadInput
from engine.graph.kinds import Guider, Latent, Noise, Sigmas
from engine.nodes.custom_sampling import (
    add_noise,
    disable_noise,
    random_noise,
    sampler_custom,
    sampler_custom_advanced,
)
from engine.nodes.guiders import basic_guider, cfg_guider, dual_cfg_guider
from engine.nodes.samplers import ksampler_select
from engine.nodes.schedulers import basic_scheduler
from engine.sampling.noise import initial_noise
from tests.engine.nodes.studio import Studio

EMPTY = Latent(torch.zeros(1, 4, 6, 8))


def guided(studio: Studio, cfg: float = 5.0) -> Guider:
    model = studio.load()[0]
    return cfg_guider(model=model, positive=studio.encode("a cat"), negative=studio.encode("blurry"), cfg=cfg)


def walk(studio: Studio, guider: Guider, **changes: Any) -> tuple[Latent, Latent]:
    settings: dict[str, Any] = {
        "noise": random_noise(noise_seed=1),
        "sampler": ksampler_select(sampler_name="euler"),
        "sigmas": basic_scheduler(model=guider.model, scheduler="normal", steps=3),
        "latent_image": EMPTY,
    }
    return sampler_custom_advanced(guider=guider, ctx=studio.context, **(settings | changes))


def test_sampling_in_parts_is_what_ksampler_does(studio: Studio) -> None:
    whole = studio.sample(EMPTY).samples
    output, denoised = walk(studio, guided(studio))
    assert torch.equal(output.samples, whole)
    # The last step, to 0, ends at the estimate itself.
    torch.testing.assert_close(denoised.samples, whole)
    model, sigmas = studio.load()[0], basic_scheduler(model=studio.load()[0], scheduler="normal", steps=3)
    custom, _ = sampler_custom(
        model=model,
        add_noise=True,
        noise_seed=1,
        cfg=5.0,
        positive=studio.encode("a cat"),
        negative=studio.encode("blurry"),
        sampler=ksampler_select(sampler_name="euler"),
        sigmas=sigmas,
        latent_image=EMPTY,
        ctx=studio.context,
    )
    assert torch.equal(custom.samples, whole)


def test_a_walk_that_stops_half_way_gives_the_estimate_beside_the_noisy_latent(studio: Studio) -> None:
    levels = basic_scheduler(model=studio.load()[0], scheduler="normal", steps=3).levels
    output, denoised = walk(studio, guided(studio), sigmas=Sigmas(levels[:3]))
    assert float((output.samples - denoised.samples).std()) > 0.5 * float(levels[2])


def test_noise_may_be_left_out(studio: Studio) -> None:
    guider, latent = guided(studio), Latent(torch.randn(1, 4, 6, 8))
    levels = Sigmas(torch.tensor([3.0, 0.0]))
    plain = walk(studio, guider, noise=disable_noise(), latent_image=latent, sigmas=levels)[0].samples
    noisy = walk(studio, guider, latent_image=latent, sigmas=levels)[0].samples
    assert not torch.isclose(plain, noisy).all()
    sampled = walk(studio, guider, noise=Noise(7, is_drawn=False), latent_image=latent, sigmas=levels)[0]
    # The seed is of later draws, of which Euler makes none.
    assert torch.equal(sampled.samples, plain)


def test_no_levels_give_the_latent_back(studio: Studio) -> None:
    latent = Latent(torch.randn(1, 4, 6, 8))
    output, denoised = walk(studio, guided(studio), latent_image=latent, sigmas=Sigmas(torch.empty(0)))
    assert torch.equal(output.samples, latent.samples)
    assert torch.equal(denoised.samples, latent.samples)


def test_one_conditioning_guides_as_a_scale_of_one_does(studio: Studio) -> None:
    basic = basic_guider(model=studio.load()[0], conditioning=studio.encode("a cat"))
    assert torch.equal(walk(studio, basic)[0].samples, walk(studio, guided(studio, cfg=1.0))[0].samples)


@pytest.mark.parametrize(("style", "scales"), [("regular", (5.0, 5.0)), ("nested", (1.0, 5.0))])
def test_two_scales_that_amount_to_one_guide_as_it_does(
    studio: Studio, style: Any, scales: tuple[float, float]
) -> None:
    dual = dual_cfg_guider(
        model=studio.load()[0],
        cond1=studio.encode("a cat"),
        cond2=studio.encode("a dog"),
        negative=studio.encode("blurry"),
        cfg_conds=scales[0],
        cfg_cond2_negative=scales[1],
        style=style,
    )
    # Sums of the same estimates in another order, in batches of another size.
    expected = walk(studio, guided(studio))[0].samples
    torch.testing.assert_close(walk(studio, dual)[0].samples, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("style", ["regular", "nested"])
def test_the_styles_add_up_as_they_say(studio: Studio, style: Any) -> None:
    side = studio.encode("a cat")
    guider = dual_cfg_guider(
        model=studio.load()[0],
        cond1=side,
        cond2=side,
        negative=side,
        cfg_conds=3.0,
        cfg_cond2_negative=2.0,
        style=style,
    )
    # Estimates of 30, 14 and 4.
    total = sum(weight * value for weight, value in zip(guider.weights, (30.0, 14.0, 4.0), strict=True))
    by_hand = {"regular": 4 + (14 - 4) * 2 + (30 - 14) * 3, "nested": 4 + (14 + (30 - 14) * 3 - 4) * 2}
    assert total == pytest.approx(by_hand[style])
    assert sum(guider.weights) == pytest.approx(1.0)


def test_noise_is_added_between_two_levels(studio: Studio) -> None:
    model, latent = studio.load()[0], Latent(torch.randn(1, 4, 6, 8))
    noise = random_noise(noise_seed=3)
    made = add_noise(
        model=model, noise=noise, sigmas=Sigmas(torch.tensor([5.0, 3.0, 2.0])), latent_image=latent
    )
    expected = latent.samples + initial_noise(latent.samples.shape, 3) * 3.0 / 0.18215
    torch.testing.assert_close(made.samples, expected, rtol=1e-4, atol=1e-4)
    empty = Sigmas(torch.empty(0))
    assert add_noise(model=model, noise=noise, sigmas=empty, latent_image=latent) is latent


def test_levels_that_cannot_be_walked_are_refused(studio: Studio) -> None:
    with pytest.raises(BadInput, match="all but the last"):
        walk(studio, guided(studio), sigmas=Sigmas(torch.tensor([3.0, 0.0, 1.0])))
