"""Pictures that go on at the opposite edge: shifting what is sampled shifts what comes out."""

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.api import DEMO_MODELS
from engine.graph.adaptations import Seamless
from engine.graph.kinds import Image, Latent, Model, Vae
from engine.models.seamless import seamless
from engine.nodes.conditioning import clip_text_encode
from engine.nodes.latent import vae_decode, vae_encode
from engine.nodes.loaders import checkpoint_loader_simple
from engine.nodes.sampling import ksampler
from engine.nodes.seamless import circular_vae_decode, make_circular_vae, offset_image, seamless_tile
from tests.engine.nodes.studio import Studio

COPY = "Make a copy"
BOTH = Seamless(across=True, down=True)
# Sums in another order, through some dozens of layers in float32.
EXACT = 1e-4


@pytest.fixture
def demo() -> Studio:
    return Studio(DEMO_MODELS)


def load(studio: Studio) -> tuple[Model, Any, Vae]:
    return checkpoint_loader_simple(ckpt_name="demo.safetensors", ctx=studio.context)


def network_of(studio: Studio, model: Model) -> Any:
    with studio.pool.lease(model.handle) as module:
        return module


@pytest.mark.parametrize(
    ("settings", "shift", "is_same"),
    [
        (BOTH, (0, 8), True),
        (BOTH, (4, 0), True),
        (Seamless(across=True, down=False), (0, 8), True),
        (Seamless(across=True, down=False), (8, 0), False),
        (Seamless(across=False, down=True), (8, 0), True),
    ],
)
def test_a_seamless_network_knows_no_edge(
    demo: Studio, settings: Seamless, shift: tuple[int, int], is_same: bool
) -> None:
    """Moved around by whole cells of its deepest level, a latent gives the same, moved around."""
    network = network_of(demo, load(demo)[0])
    x, timestep = torch.randn(1, 4, 16, 16), torch.tensor([400.0])
    text = torch.randn(1, 77, network.config.context_width)
    with torch.inference_mode(), seamless(network, settings):
        moved = network(x.roll(shift, dims=(2, 3)), timestep, text)
        expected = network(x, timestep, text).roll(shift, dims=(2, 3))
    assert torch.allclose(moved, expected, atol=EXACT, rtol=EXACT) == is_same


def test_a_plain_network_knows_edges_before_and_after(demo: Studio) -> None:
    network = network_of(demo, load(demo)[0])
    x, timestep = torch.randn(1, 4, 16, 16), torch.tensor([400.0])
    text = torch.randn(1, 77, network.config.context_width)
    with torch.inference_mode():
        before = network(x, timestep, text)
        with seamless(network, BOTH):
            assert not torch.allclose(network(x, timestep, text), before, atol=EXACT)
        assert torch.equal(network(x, timestep, text), before)


def test_a_circular_vae_goes_both_ways_without_edges(demo: Studio) -> None:
    vae = make_circular_vae(vae=load(demo)[2], tiling="enable", copy_vae=COPY)
    pixels = torch.rand(1, 64, 80, 3)
    there = vae_encode(pixels=Image(pixels), vae=vae, ctx=demo.context).samples
    moved = vae_encode(pixels=Image(pixels.roll((16, 32), (1, 2))), vae=vae, ctx=demo.context).samples
    torch.testing.assert_close(moved, there.roll((2, 4), (2, 3)), atol=1e-2, rtol=EXACT)
    back = circular_vae_decode(samples=Latent(there), vae=vae, tiling="enable", ctx=demo.context).pixels
    moved_back = circular_vae_decode(samples=Latent(moved), vae=vae, tiling="enable", ctx=demo.context).pixels
    torch.testing.assert_close(moved_back, back.roll((16, 32), (1, 2)), atol=1e-3, rtol=0)


def seam(pixels: Tensor) -> float:
    """The step from the last row to the first, beside the mean of those inside."""
    steps = (pixels.roll(-1, dims=1) - pixels).abs().mean(dim=(0, 2, 3))
    return float(steps[-1] / steps[:-1].mean())


def paint(demo: Studio, tiling: Any) -> Tensor:
    model, clip, vae = load(demo)
    told = [clip_text_encode(text=text, clip=clip, ctx=demo.context) for text in ("a red boat on water", "")]
    latent = ksampler(
        model=seamless_tile(model=model, copy_model=COPY, tiling=tiling),
        seed=3,
        steps=6,
        cfg=3.0,
        sampler_name="euler",
        scheduler="normal",
        positive=told[0],
        negative=told[1],
        latent_image=Latent(torch.zeros(1, 4, 16, 16)),
        denoise=1.0,
        ctx=demo.context,
    )
    return circular_vae_decode(samples=latent, vae=vae, tiling=tiling, ctx=demo.context).pixels


def test_a_painted_picture_has_no_seam(demo: Studio) -> None:
    """Sky and water meet hard where they are not made to flow into each other."""
    plain, tiled = (seam(paint(demo, tiling)) for tiling in ("disable", "y_only"))
    assert tiled < plain / 2


def test_disabling_takes_it_off_again(demo: Studio) -> None:
    model, _, vae = load(demo)
    on = seamless_tile(model=model, copy_model=COPY, tiling="enable")
    assert seamless_tile(model=on, copy_model=COPY, tiling="disable").adaptations == model.adaptations
    latent = Latent(torch.randn(1, 4, 8, 8))
    plain = vae_decode(samples=latent, vae=vae, ctx=demo.context).pixels
    off = circular_vae_decode(samples=latent, vae=vae, tiling="disable", ctx=demo.context).pixels
    assert torch.equal(plain, off)


def test_an_offset_moves_pictures_around() -> None:
    picture = torch.rand(2, 6, 8, 3)
    moved = offset_image(pixels=Image(picture), x_percent=50, y_percent=50).pixels
    assert torch.equal(moved, picture.roll((3, 4), dims=(1, 2)))
    assert torch.equal(offset_image(pixels=Image(moved)).pixels, picture)
