"""Merged weights against sums of the tensors."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import Clip, Model
from engine.nodes import merging
from engine.nodes.loaders import checkpoint_loader_simple
from engine.residency.handle import Handle
from engine.residency.weights import open_weights, sources_of
from tests.engine.nodes.studio import Studio
from tests.engine.oracles import families
from tests.engine.oracles.families import in_released_layout
from tests.engine.oracles.make_checkpoint import TINY, draw_checkpoint

UNET, TEXT = "model.diffusion_model.", "cond_stage_model.transformer.text_model."
FILES = {"a.safetensors": draw_checkpoint(TINY, 1), "b.safetensors": draw_checkpoint(TINY, 2)}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder: Path = tmp_path_factory.mktemp("models")
    (folder / "checkpoints").mkdir()
    for name, tensors in FILES.items():
        save_file(tensors, folder / "checkpoints" / name)
    xl = in_released_layout(families.SDXL, families.draw_family(families.SDXL))
    save_file(xl, folder / "checkpoints" / "xl.safetensors")
    return Studio(folder)


def load(studio: Studio, name: str) -> tuple[Model, Clip]:
    return checkpoint_loader_simple(ckpt_name=f"{name}.safetensors", ctx=studio.context)[:2]


def models(studio: Studio) -> dict[str, Any]:
    return {"model1": load(studio, "a")[0], "model2": load(studio, "b")[0]}


def clips(studio: Studio) -> dict[str, Any]:
    return {"clip1": load(studio, "a")[1], "clip2": load(studio, "b")[1]}


def expect(handle: Handle, prefix: str, kept: float, taken: float, start: str = "") -> None:
    """All tensors whose names start so are kept * a + taken * b."""
    first, second = FILES.values()
    with open_weights(handle, torch.device("cpu")) as weights:
        names = [name for name in sources_of(handle) if name.startswith(start)]
        assert names
        for name in names:
            expected: Tensor = kept * first[prefix + name] + taken * second[prefix + name]
            # One rounding of float32 more or less.
            torch.testing.assert_close(weights.read(name), expected, rtol=1e-6, atol=1e-6)


def test_a_simple_merge_weighs_by_the_ratio(studio: Studio) -> None:
    expect(merging.model_merge_simple(**models(studio), ratio=0.3).handle, UNET, 0.3, 0.7)
    expect(merging.clip_merge_simple(**clips(studio), ratio=0.3).handle, TEXT, 0.3, 0.7)


def test_ratio_1_is_the_first_model_itself(studio: Studio) -> None:
    pair = models(studio)
    assert merging.model_merge_simple(**pair, ratio=1.0) == pair["model1"]


def test_models_are_added_and_subtracted(studio: Studio) -> None:
    expect(merging.model_merge_add(**models(studio)).handle, UNET, 1, 1)
    expect(merging.model_merge_subtract(**models(studio), multiplier=-2.0).handle, UNET, -2, 2)
    expect(merging.clip_merge_add(**clips(studio)).handle, TEXT, 1, 1)
    expect(merging.clip_merge_subtract(**clips(studio), multiplier=0.5).handle, TEXT, 0.5, -0.5)


def test_a_difference_added_to_its_second_model_is_the_first(studio: Studio) -> None:
    pair = models(studio)
    difference = merging.model_merge_subtract(**pair, multiplier=1.0)
    whole = merging.model_merge_add(model1=pair["model2"], model2=difference)
    expect(whole.handle, UNET, 1, 0)


@pytest.mark.parametrize(
    ("start", "ratio"),
    [
        ("input_blocks.", 0.1),
        ("middle_block.", 0.5),
        ("output_blocks.", 0.8),
        ("out.", 0.8),
        ("time_embed.", 0.1),
    ],
)
def test_parts_of_the_network_have_ratios_of_their_own(studio: Studio, start: str, ratio: float) -> None:
    merged = merging.model_merge_blocks(**models(studio), input=0.1, middle=0.5, out=0.8)
    expect(merged.handle, UNET, ratio, 1 - ratio, start)


@pytest.mark.parametrize(
    ("merge", "blocks"),
    [
        (merging.model_merge_sd1, merging.SD1_BLOCKS),
        (merging.model_merge_sd2, merging.SD1_BLOCKS),
        (merging.model_merge_sdxl, merging.SDXL_BLOCKS),
    ],
)
def test_every_block_has_a_ratio_of_its_own(studio: Studio, merge: Any, blocks: tuple[str, ...]) -> None:
    ratios = {block: number / 50 for number, block in enumerate(blocks)}
    merged = merge(**models(studio), **ratios)
    for start in ("time_embed.", "input_blocks.1", "middle_block.2", "output_blocks.4", "out."):
        ratio = ratios.get(start, ratios.get(f"{start}.", -1))
        expect(merged.handle, UNET, ratio, 1 - ratio, start)


def test_models_of_two_families_are_not_merged(studio: Studio) -> None:
    xl, _ = load(studio, "xl")
    with pytest.raises(
        BadInput, match=r"a\.safetensors \(Stable Diffusion 1\.x\) and .*XL\) cannot be merged"
    ):
        merging.model_merge_simple(model1=load(studio, "a")[0], model2=xl, ratio=0.5)


def test_both_encoders_of_sdxl_are_merged(studio: Studio) -> None:
    _, clip = load(studio, "xl")
    merged = merging.clip_merge_simple(clip1=clip, clip2=clip, ratio=0.5)
    assert merged.second is not None
    assert [len(handle.patches) for handle in (merged.handle, merged.second)] == [1, 1]
