from dataclasses import replace
from typing import Any

import pytest
import torch

from engine.errors import BadInput, Cancelled
from engine.graph.events import Preview, Progress
from engine.graph.kinds import CondEntry, Conditioning, Latent
from engine.nodes.latent import empty_latent_image
from engine.nodes.sampling import cut_levels, ksampler_advanced
from tests.engine.nodes.studio import Studio

EMPTY = empty_latent_image(width=64, height=48, batch_size=1)


def test_a_latent_keeps_its_shape(studio: Studio) -> None:
    samples = studio.sample(EMPTY).samples
    assert samples.shape == (1, 4, 6, 8)
    assert torch.isfinite(samples).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 2},
        {"steps": 4},
        {"cfg": 2.0},
        {"sampler_name": "dpmpp_2m"},
        {"scheduler": "karras"},
        {"denoise": 0.6},
    ],
    ids=str,
)
def test_every_setting_changes_the_latent(studio: Studio, changes: dict[str, Any]) -> None:
    assert not torch.equal(studio.sample(EMPTY).samples, studio.sample(EMPTY, **changes).samples)


def test_the_same_settings_give_the_same_latent(studio: Studio) -> None:
    assert torch.equal(studio.sample(EMPTY).samples, studio.sample(EMPTY).samples)


def test_every_step_is_reported_with_a_preview(studio: Studio) -> None:
    studio.sample(EMPTY, steps=4)
    progress = [(event.value, event.total) for event in studio.events if isinstance(event, Progress)]
    previews = [event for event in studio.events if isinstance(event, Preview)]
    assert progress == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert len({preview.jpeg for preview in previews}) == 4
    assert {(preview.width, preview.height) for preview in previews} == {(64, 48)}


def test_previews_of_large_latents_are_at_most_512_px_a_side(studio: Studio) -> None:
    studio.sample(empty_latent_image(width=64, height=640, batch_size=1), steps=1)
    (preview,) = (event for event in studio.events if isinstance(event, Preview))
    assert (preview.width, preview.height) == (51, 512)


def test_a_model_without_a_decoder_is_sampled_without_previews(studio: Studio) -> None:
    model = replace(studio.load()[0], preview_vae=None)
    studio.sample(EMPTY, model=model)
    assert [type(event) for event in studio.events] == [Progress] * 3


def test_the_map_from_latents_to_colours_is_fitted_once(studio: Studio) -> None:
    studio.sample(EMPTY, steps=1)
    matrix = studio.pool.note(studio.load()[2].handle, "latent to RGB", lambda: None)
    assert matrix is not None
    assert matrix.shape == (5, 3)


def test_cancelling_stops_within_one_step(studio: Studio) -> None:
    studio.is_cancelled = lambda: len([event for event in studio.events if isinstance(event, Progress)]) >= 2
    with pytest.raises(Cancelled):
        studio.sample(EMPTY, steps=50)
    assert len([event for event in studio.events if isinstance(event, Progress)]) == 2


def test_after_a_cancelled_run_the_model_is_free_again(studio: Studio) -> None:
    studio.is_cancelled = lambda: True
    with pytest.raises(Cancelled):
        studio.sample(EMPTY)
    studio.is_cancelled = lambda: False
    studio.pool.budget_bytes = studio.pool.used_bytes
    studio.sample(EMPTY)


def test_a_latent_of_another_family_is_refused(studio: Studio) -> None:
    with pytest.raises(BadInput, match=r"latent has 16 channels, tiny\.safetensors .* takes 4"):
        studio.sample(Latent(torch.zeros(1, 16, 8, 8)))


def test_a_text_of_another_encoder_is_refused(studio: Studio) -> None:
    other = Conditioning((CondEntry(torch.zeros(1, 77, 999)),))
    with pytest.raises(BadInput, match=r"conditioning is 999 wide.*same checkpoint"):
        studio.sample(EMPTY, positive=other)


def test_no_denoising_gives_the_latent_back(studio: Studio) -> None:
    latent = Latent(torch.randn(1, 4, 6, 8))
    assert torch.equal(studio.sample(latent, denoise=0.0).samples, latent.samples)


def test_a_batch_is_sampled_as_its_members_are(studio: Studio) -> None:
    both = studio.sample(empty_latent_image(width=64, height=64, batch_size=2)).samples
    second = Latent(torch.zeros(1, 4, 8, 8), batch_index=(1,))
    torch.testing.assert_close(studio.sample(second).samples, both[1:], rtol=1e-3, atol=1e-3)


def test_what_is_not_sampled_stays_with_the_latent(studio: Studio) -> None:
    latent = Latent(torch.zeros(2, 4, 6, 8), batch_index=(3, 5))
    assert studio.sample(latent).batch_index == (3, 5)


@pytest.mark.parametrize("sampler_name", ["dpm_2", "uni_pc"])
def test_samplers_that_drop_a_level_walk_the_same_number_of_steps(studio: Studio, sampler_name: str) -> None:
    studio.sample(EMPTY, steps=4, sampler_name=sampler_name)
    progress = [(event.value, event.total) for event in studio.events if isinstance(event, Progress)]
    assert progress == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(
    "sampler_name", ["euler_cfg_pp", "dpmpp_2m_sde", "dpm_adaptive", "sa_solver_pece", "seeds_3"]
)
def test_every_kind_of_sampler_denoises(studio: Studio, sampler_name: str) -> None:
    made = studio.sample(EMPTY, sampler_name=sampler_name, scheduler="karras").samples
    assert torch.isfinite(made).all()
    assert not torch.equal(made, studio.sample(EMPTY, scheduler="karras").samples)


def test_only_the_masked_part_is_repainted(studio: Studio) -> None:
    mask = torch.zeros(1, 48, 64)
    mask[..., 32:] = 1.0
    latent = Latent(torch.randn(1, 4, 6, 8), noise_mask=mask)
    made = studio.sample(latent, denoise=0.8)
    assert torch.equal(made.samples[..., :4], latent.samples[..., :4])
    assert not torch.isclose(made.samples[..., 4:], latent.samples[..., 4:]).any()
    assert made.noise_mask is mask


def advanced(studio: Studio, latent: Latent, **changes: Any) -> Latent:
    settings: dict[str, Any] = {
        "model": studio.load()[0],
        "add_noise": "enable",
        "noise_seed": 1,
        "steps": 4,
        "cfg": 5.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "positive": studio.encode("a cat"),
        "negative": studio.encode("blurry"),
        "start_at_step": 0,
        "end_at_step": 10_000,
        "return_with_leftover_noise": "disable",
    }
    return ksampler_advanced(latent_image=latent, ctx=studio.context, **(settings | changes))


def test_the_advanced_form_walks_what_the_plain_one_does(studio: Studio) -> None:
    assert torch.equal(advanced(studio, EMPTY).samples, studio.sample(EMPTY, steps=4).samples)


def test_two_in_a_chain_walk_what_one_does(studio: Studio) -> None:
    first = advanced(studio, EMPTY, end_at_step=2, return_with_leftover_noise="enable")
    second = advanced(studio, first, start_at_step=2, add_noise="disable", noise_seed=9)
    # The latent between them was divided by its scale and multiplied again.
    torch.testing.assert_close(second.samples, advanced(studio, EMPTY).samples, rtol=1e-3, atol=1e-3)


def test_no_steps_are_left_after_the_last(studio: Studio) -> None:
    latent = Latent(torch.randn(1, 4, 6, 8))
    assert torch.equal(advanced(studio, latent, start_at_step=4).samples, latent.samples)


LEVELS = torch.tensor([4.0, 3.0, 2.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("start", "end", "ends_clean", "expected"),
    [
        (0, 10, True, [4.0, 3.0, 2.0, 1.0, 0.0]),
        (1, 3, False, [3.0, 2.0, 1.0]),
        (1, 3, True, [3.0, 2.0, 0.0]),
        (0, 4, False, [4.0, 3.0, 2.0, 1.0, 0.0]),
        (3, 10, True, [1.0, 0.0]),
        (4, 10, True, []),
        (3, 2, True, []),
    ],
)
def test_levels_are_cut_at_steps(start: int, end: int, ends_clean: bool, expected: list[float]) -> None:
    assert cut_levels(LEVELS, start, end, ends_clean=ends_clean).tolist() == expected
    assert LEVELS.tolist() == [4.0, 3.0, 2.0, 1.0, 0.0]
