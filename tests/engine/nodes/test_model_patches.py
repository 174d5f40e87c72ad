"""The nodes at work in whole runs of the tiny checkpoint."""

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.graph.kinds import Latent, Model
from engine.nodes import model_patches as patches
from tests.engine.nodes.studio import Studio

# Odd, so that no cell of merging and no frequency comes out even.
EMPTY = Latent(torch.zeros(1, 4, 8, 10))


@pytest.fixture(scope="module")
def sides(models: Any) -> dict[str, Any]:
    studio = Studio(models)
    return {"positive": studio.encode("a cat"), "negative": studio.encode("blurry"), "steps": 2}


def run(studio: Studio, sides: dict[str, Any], model: Model, **changes: Any) -> Tensor:
    return studio.sample(changes.pop("latent", EMPTY), model=model, **(sides | changes)).samples


@pytest.mark.parametrize(
    "change",
    [
        lambda model: patches.free_u(model=model),
        lambda model: patches.free_u_v2(model=model),
        lambda model: patches.tome_patch_model(model=model),
        lambda model: patches.perturbed_attention_guidance(model=model),
        lambda model: patches.rescale_cfg(model=model),
        lambda model: patches.cfg_zero_star(model=model),
    ],
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
    ],
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
