from dataclasses import replace

import pytest
import torch

from engine.errors import UnsupportedCheckpoint
from engine.models import sd1
from engine.models.detect import detect_checkpoint, find_family
from engine.models.family import Trait
from engine.weights.shapes import Shape
from tests.engine.oracles.make_checkpoint import SD15, TINY, Size

TEXT = "cond_stage_model.transformer.text_model."


def shapes_of(size: Size) -> dict[str, Shape]:
    with torch.device("meta"):
        parts = {
            "model.diffusion_model.": size.unet.build(),
            TEXT: size.text.build(),
            "first_stage_model.": size.vae.build(),
        }
    return {
        prefix + name: tuple(tensor.shape)
        for prefix, part in parts.items()
        for name, tensor in part.state_dict().items()
    }


@pytest.fixture
def shapes() -> dict[str, Shape]:
    return shapes_of(TINY)


@pytest.mark.parametrize("size", [TINY, SD15])
def test_all_parts_of_a_stable_diffusion_1_file_are_found(size: Size) -> None:
    checkpoint = detect_checkpoint(shapes_of(size), "rain.safetensors")
    found = (
        checkpoint.family.name,
        checkpoint.unet.config,
        checkpoint.texts[0].config,
        checkpoint.vae.config,
    )
    assert found == ("sd1", size.unet, size.text, size.vae)


def test_the_numbers_of_the_full_size_are_those_of_the_released_files() -> None:
    checkpoint = detect_checkpoint(shapes_of(SD15), "rain.safetensors")
    assert checkpoint.unet.elements == 859_520_964
    assert checkpoint.texts[0].elements == 123_060_480
    assert checkpoint.vae.elements == 83_653_863


def test_what_only_training_used_is_ignored(shapes: dict[str, Shape]) -> None:
    extra = {"alphas_cumprod": (1000,), "model_ema.decay": (), f"{TEXT}embeddings.position_ids": (1, 77)}
    assert detect_checkpoint(shapes | extra, "rain.safetensors").family is sd1.FAMILY


def test_a_merge_that_lost_the_text_models_name_is_accepted(shapes: dict[str, Shape]) -> None:
    old = {name.replace("transformer.text_model.", "transformer."): shape for name, shape in shapes.items()}
    assert detect_checkpoint(old, "merge.safetensors").texts[0].prefix == "cond_stage_model.transformer."


def test_a_file_of_no_known_family_is_refused_with_what_sets_it_apart() -> None:
    with pytest.raises(UnsupportedCheckpoint, match=r"rain.*nearest: Stable Diffusion 1.x \(it lacks"):
        detect_checkpoint({"blocks.0.gate.w": (3, 3)}, "rain.safetensors")


def test_vector_conditioning_as_in_sdxl_is_no_stable_diffusion_1(shapes: dict[str, Shape]) -> None:
    other = shapes | {"model.diffusion_model.label_emb.0.0.weight": (8, 8)}
    with pytest.raises(UnsupportedCheckpoint, match=r"it has 'label_emb\.0\.0\.weight'"):
        detect_checkpoint(other, "xl.safetensors")


@pytest.mark.parametrize("channels", [8, 9])
def test_networks_with_more_input_channels_are_of_the_family(channels: int) -> None:
    size = replace(TINY, unet=replace(TINY.unet, in_channels=channels))
    checkpoint = detect_checkpoint(shapes_of(size), "inpainting.safetensors")
    assert (checkpoint.family.name, checkpoint.unet.config) == ("sd1", size.unet)


def test_a_number_of_input_channels_that_no_release_has_is_refused(shapes: dict[str, Shape]) -> None:
    other = shapes | {"model.diffusion_model.input_blocks.0.0.weight": (32, 6, 3, 3)}
    with pytest.raises(UnsupportedCheckpoint, match=r"\[32, 6, 3, 3\] instead of \[any, 4 or 8 or 9, 3"):
        detect_checkpoint(other, "strange.safetensors")


def test_a_file_that_fits_two_families_is_refused(shapes: dict[str, Shape]) -> None:
    twin = replace(sd1.FAMILY, name="twin", title="Twin")
    with pytest.raises(UnsupportedCheckpoint, match=r"several families: Stable Diffusion 1\.x, Twin"):
        detect_checkpoint(shapes, "rain.safetensors", (sd1.FAMILY, twin))


def test_the_nearest_three_families_are_named(shapes: dict[str, Shape]) -> None:
    titles = ("Far", "Near", "Middle", "Farthest")
    families = [
        replace(
            sd1.FAMILY, title=title, traits=tuple(Trait(f"absent.{number}", (1,)) for number in range(count))
        )
        for title, count in zip(titles, (3, 1, 2, 4), strict=True)
    ]
    with pytest.raises(UnsupportedCheckpoint, match=r"Near .*Middle .*Far \([^)]*\)$"):
        detect_checkpoint(shapes, "rain.safetensors", families)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("model.diffusion_model.middle_block.2.out_layers.3.bias", "U-Net lacks the tensor"),
        (f"{TEXT}embeddings.token_embedding.weight", "text encoder is missing"),
        ("first_stage_model.quant_conv.bias", "VAE lacks the tensor"),
    ],
)
def test_a_missing_tensor_is_named_with_its_part(shapes: dict[str, Shape], name: str, part: str) -> None:
    del shapes[name]
    with pytest.raises(UnsupportedCheckpoint, match=part):
        detect_checkpoint(shapes, "rain.safetensors")


def test_an_unknown_tensor_in_a_part_is_refused(shapes: dict[str, Shape]) -> None:
    with pytest.raises(
        UnsupportedCheckpoint, match=r"VAE has 1 unknown tensors, the first is 'decoder\.extra'"
    ):
        detect_checkpoint(shapes | {"first_stage_model.decoder.extra": (1,)}, "rain.safetensors")


def test_a_tensor_of_another_shape_is_refused(shapes: dict[str, Shape]) -> None:
    with pytest.raises(UnsupportedCheckpoint, match=r"'quant_conv\.bias' has shape \[9\] instead of \[8\]"):
        detect_checkpoint(shapes | {"first_stage_model.quant_conv.bias": (9,)}, "rain.safetensors")


def test_block_numbers_with_gaps_are_no_reason_to_count_for_ever(shapes: dict[str, Shape]) -> None:
    strange = shapes | {"model.diffusion_model.input_blocks.999999999999.0.weight": (1,)}
    with pytest.raises(UnsupportedCheckpoint, match="U-Net has an unknown layout"):
        detect_checkpoint(strange, "rain.safetensors")


def test_families_are_found_by_name() -> None:
    assert find_family("sd1") is sd1.FAMILY
