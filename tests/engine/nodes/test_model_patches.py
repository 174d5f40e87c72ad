"""The nodes at work in whole runs of the tiny checkpoint."""

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.graph.kinds import Latent, Model, Noise
from engine.nodes import denoising
from engine.nodes import model_patches as patches
from engine.nodes.conditioning import conditioning_combine
from engine.nodes.latent_operations import LatentOperation, latent_operation_sharpen
from engine.nodes.sampling_run import Walk, run_walk
from engine.nodes.schedulers import basic_scheduler
from engine.sampling.samplers.table import SAMPLERS
from tests.engine.nodes.studio import Studio

# Odd, so that no cell of merging and no frequency comes out even.
EMPTY = Latent(torch.zeros(1, 4, 8, 10))


@pytest.fixture(scope="module")
def sides(models: Any) -> dict[str, Any]:
    studio = Studio(models)
    return {"positive": studio.encode("a cat"), "negative": studio.encode("blurry"), "steps": 2}


def run(studio: Studio, sides: dict[str, Any], model: Model, **changes: Any) -> Tensor:
    return studio.sample(changes.pop("latent", EMPTY), model=model, **(sides | changes)).samples


def shrunk(model: Model, **changes: Any) -> Model:
    methods = {"downscale_method": "bicubic", "upscale_method": "bilinear"}
    return patches.patch_model_add_downscale(model=model, **({"end_percent": 1.0} | methods | changes))


@pytest.mark.parametrize(
    "change",
    [
        lambda model: patches.free_u(model=model),
        lambda model: patches.free_u_v2(model=model),
        lambda model: patches.tome_patch_model(model=model),
        lambda model: patches.perturbed_attention_guidance(model=model),
        lambda model: patches.rescale_cfg(model=model),
        lambda model: patches.cfg_zero_star(model=model),
        lambda model: patches.apg(model=model, eta=0.0),
        lambda model: patches.apg(model=model, momentum=-0.5),
        lambda model: patches.tcfg(model=model),
        lambda model: patches.renorm_cfg(model=model, renorm_cfg=0.7),
        lambda model: patches.renorm_cfg(model=model, cfg_trunc=3.0, renorm_cfg=0.0),
        lambda model: patches.mahiro(model=model),
        lambda model: patches.epsilon_scaling(model=model, scaling_factor=1.1),
        lambda model: patches.latent_apply_operation_cfg(
            model=model, operation=latent_operation_sharpen(sharpen_radius=3)
        ),
        lambda model: shrunk(model, block_number=1),
        lambda model: shrunk(model, block_number=2, downscale_after_skip=False),
        lambda model: shrunk(model, block_number=5),
        lambda model: shrunk(model, block_number=3, downscale_factor=0.6),
    ],
    ids=range(18),
)
def test_a_patched_model_draws_otherwise_and_the_plain_one_as_before(
    studio: Studio, sides: dict[str, Any], change: Any
) -> None:
    model = studio.load()[0]
    plain = run(studio, sides, model)
    changed = run(studio, sides, change(model))
    assert changed.isfinite().all()
    assert not torch.allclose(changed, plain, rtol=1e-3, atol=1e-3)
    assert torch.equal(run(studio, sides, model), plain)


@pytest.mark.parametrize(
    "change",
    [
        lambda model: patches.free_u(model=model, b1=1.0, b2=1.0, s1=1.0, s2=1.0),
        lambda model: patches.free_u_v2(model=model, b1=1.0, b2=1.0, s1=1.0, s2=1.0),
        lambda model: patches.tome_patch_model(model=model, ratio=0.0),
        lambda model: patches.rescale_cfg(model=model, multiplier=0.0),
        lambda model: patches.renorm_cfg(model=model, renorm_cfg=0.0),
        lambda model: patches.epsilon_scaling(model=model, scaling_factor=1.0),
    ],
    ids=range(6),
)
def test_a_patch_without_effect_leaves_the_picture(
    studio: Studio, sides: dict[str, Any], change: Any
) -> None:
    model = studio.load()[0]
    # The same numbers in another order of operations.
    torch.testing.assert_close(
        run(studio, sides, change(model)), run(studio, sides, model), rtol=1e-3, atol=1e-3
    )


def test_scale_0_is_the_model_itself(studio: Studio) -> None:
    model = studio.load()[0]
    assert patches.perturbed_attention_guidance(model=model, scale=0.0) is model


def test_patches_go_together(studio: Studio, sides: dict[str, Any]) -> None:
    model = patches.perturbed_attention_guidance(model=patches.free_u(model=studio.load()[0]))
    both = patches.rescale_cfg(model=patches.tome_patch_model(model=model))
    assert len(both.adaptations) == 4
    assert run(studio, sides, both, sampler_name="euler_ancestral").isfinite().all()


MASK = torch.linspace(0, 1, 10).expand(1, 8, 10)
PICTURE = torch.randn(1, 4, 8, 10, generator=torch.Generator().manual_seed(0))


def test_differential_diffusion_frees_cells_by_their_value(studio: Studio, sides: dict[str, Any]) -> None:
    model = patches.differential_diffusion(model=studio.load()[0])
    latent = Latent(PICTURE, noise_mask=MASK)
    plain = run(studio, sides, studio.load()[0], latent=latent, steps=4)
    found = run(studio, sides, model, latent=latent, steps=4)
    assert not torch.allclose(found, plain, rtol=1e-2, atol=1e-2)
    # Values of 0 are never free.
    torch.testing.assert_close(found[..., 0], PICTURE[..., 0], rtol=1e-4, atol=1e-4)


def test_differential_diffusion_of_a_black_and_white_mask_is_plain_repainting(
    studio: Studio, sides: dict[str, Any]
) -> None:
    # A hard mask at the latent's own size needs no resizing, so it stays hard.
    latent = Latent(PICTURE, noise_mask=(MASK > 0.5).float())
    model = studio.load()[0]
    plain = run(studio, sides, model, latent=latent)
    found = run(studio, sides, patches.differential_diffusion(model=model), latent=latent)
    torch.testing.assert_close(found, plain, rtol=1e-4, atol=1e-4)


def test_the_perpendicular_guider_guides_from_the_empty_text(studio: Studio, sides: dict[str, Any]) -> None:
    model, empty = studio.load()[0], studio.encode("")
    guider = patches.perp_neg_guider(
        model=model,
        positive=sides["positive"],
        negative=sides["negative"],
        empty_conditioning=empty,
        cfg=5.0,
        neg_scale=2.0,
    )
    assert guider.sides == (sides["positive"], sides["negative"], empty)
    assert guider.weights == (5.0, 0.0, -4.0)
    assert model.adaptations == ()


def test_the_patch_with_an_empty_text_guides_as_the_guider_does(
    studio: Studio, sides: dict[str, Any]
) -> None:
    model, empty = studio.load()[0], studio.encode("")
    guider = patches.perp_neg_guider(
        model=model,
        positive=sides["positive"],
        negative=sides["negative"],
        empty_conditioning=empty,
        cfg=5.0,
        neg_scale=2.0,
    )
    levels = basic_scheduler(model=model, scheduler="normal", steps=2).levels
    walk = Walk(guider, EMPTY, Noise(1), SAMPLERS["euler"], levels)
    expected, _ = run_walk(walk, studio.context)
    patched = patches.perp_neg(model=model, empty_conditioning=empty, neg_scale=2.0)
    assert torch.equal(run(studio, sides, patched, cfg=5.0), expected.samples)


def test_regions_that_do_not_fit_together_are_drawn_one_after_the_other(
    studio: Studio, sides: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = conditioning_combine(conditioning_1=sides["positive"], conditioning_2=studio.encode("a dog"))
    model, told = studio.load()[0], sides | {"positive": both}
    together = run(studio, told, model)
    batches: list[int] = []
    with studio.pool.lease(model.handle) as network:
        watch = network.register_forward_pre_hook(lambda _, given: batches.append(len(given[0])))
        run(studio, told, model)
        assert set(batches) == {3}
        batches.clear()
        monkeypatch.setattr(denoising, "activation_budget_bytes", lambda _: 1)
        apart = run(studio, told, model)
        watch.remove()
    assert set(batches) == {1}
    # Kernels round batches of one and of three differently.
    torch.testing.assert_close(apart, together, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("bytes_free", "cells"), [(4 * 15728.64 * 100, 100), (4 * 15728.64 * 99.5, 99)])
def test_a_call_has_as_many_cells_as_memory_holds(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, bytes_free: float, cells: int
) -> None:
    # In float32: 0.01 MiB a cell and byte, and half of it to spare.
    monkeypatch.setattr(denoising, "activation_budget_bytes", lambda _: bytes_free)
    assert denoising.most_cells(studio.load()[0], studio.pool.placement) == cells


def test_a_picture_shrinks_in_its_range_and_only_where_there_is_such_a_block(
    studio: Studio, sides: dict[str, Any]
) -> None:
    model = studio.load()[0]
    plain = run(studio, sides, model)
    for changes in ({"block_number": 32}, {"start_percent": 0.9, "end_percent": 0.5}):
        assert torch.equal(run(studio, sides, shrunk(model, **changes)), plain)
    # The second of two steps lies behind the shorter range.
    whole, early = (run(studio, sides, shrunk(model, end_percent=end)) for end in (1.0, 0.1))
    assert not torch.equal(whole, early)


def test_an_operation_that_doubles_the_difference_is_twice_the_guidance(
    studio: Studio, sides: dict[str, Any]
) -> None:
    model = studio.load()[0]
    doubled = patches.latent_apply_operation_cfg(model=model, operation=LatentOperation(lambda x: 2 * x))
    made, expected = (run(studio, sides, each, cfg=cfg) for each, cfg in ((doubled, 3.0), (model, 6.0)))
    torch.testing.assert_close(made, expected, atol=1e-4, rtol=1e-4)
