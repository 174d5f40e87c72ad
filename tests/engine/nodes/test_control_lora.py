"""Control-LoRAs, against the network that the sum of their matrices makes."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import BadInput, UnsupportedCheckpoint
from engine.graph.kinds import ControlNetwork, Image
from engine.nodes.control import control_net_apply_advanced
from engine.nodes.merging import model_merge_simple
from tests.engine.nodes.studio import Studio
from tests.engine.nodes.test_control import (
    EXACT,
    HINT,
    PICTURE,
    control_net_of,
    load,
    plain_state,
    sample,
    sides_of,
    studio_with,
)
from tests.engine.oracles import families
from tests.engine.oracles.diffusers_sd import relative_error
from tests.engine.oracles.families import TinyFamily, draw_family

RANK = 2
OWN = ("input_hint_block.", "zero_convs.", "middle_block_out.")


def factors_of(name: str, tensor: Tensor) -> tuple[Tensor, Tensor]:
    """Two seeded factors for a matrix or a kernel."""
    generator = torch.Generator().manual_seed(len(name))
    up = torch.randn(len(tensor), RANK, *[1] * (tensor.ndim - 2), generator=generator)
    return up * 0.1, torch.randn(RANK, *tensor.shape[1:], generator=generator) * 0.1


def with_lora(folder: Path, family: TinyFamily) -> tuple[Studio, dict[str, Tensor]]:
    """A studio with "lora" and "sum", the network that it means; and the tensors of "lora".

    Half of the norms and biases are the file's own, the other half are left to the U-Net.
    """
    studio = studio_with(folder, family, net=control_net_of(family).state_dict())
    base, full = draw_family(family).unet, plain_state(load(studio))
    lora: dict[str, Tensor] = {"lora_controlnet": torch.zeros(0)}
    whole: dict[str, Tensor] = {}
    for number, (name, tensor) in enumerate(full.items()):
        if name.startswith(OWN) or (tensor.ndim < 2 and number % 2):
            lora[name] = whole[name] = tensor
        elif tensor.ndim < 2:
            whole[name] = base[name]
        else:
            up, down = factors_of(name, tensor)
            stem = name.removesuffix(".weight")
            lora[f"{stem}.up"], lora[f"{stem}.down"] = up, down
            whole[name] = base[name] + (up.flatten(1) @ down.flatten(1)).reshape(tensor.shape)
    # The middle's norm tells that it is whole.
    lora["middle_block.2.in_layers.0.weight"] = whole["middle_block.2.in_layers.0.weight"]
    for name, tensors in (("lora", lora), ("sum", whole)):
        save_file(tensors, folder / "controlnet" / f"{name}.safetensors")
    return studio, lora


def controlled(studio: Studio, network: ControlNetwork, model: Any = None) -> Tensor:
    positive, negative = sides_of(studio)
    sides = control_net_apply_advanced(
        positive=positive, negative=negative, control_net=network, image=Image(PICTURE), strength=0.7
    )
    return sample(studio, model or studio.load()[0], *sides)


@pytest.mark.parametrize("family", [families.SD1, families.SDXL], ids=lambda family: family.name)
def test_it_controls_as_the_sum_does(tmp_path: Path, family: TinyFamily) -> None:
    studio, _ = with_lora(tmp_path, family)
    made, expected = (controlled(studio, load(studio, name)) for name in ("lora", "sum"))
    # The same numbers, added up in one order or another.
    assert relative_error(made, expected) < EXACT
    plain = sample(studio, studio.load()[0], *sides_of(studio))
    assert relative_error(made, plain) > 1e-2


def test_the_change_is_of_the_network_that_is_controlled(tmp_path: Path) -> None:
    studio, _ = with_lora(tmp_path, families.SD1)
    model = studio.load()[0]
    network = load(studio, "lora")
    half = model_merge_simple(model1=model, model2=model, ratio=0.5)
    # Half of one network and half of the same is the same network, as another handle.
    assert half.handle != model.handle
    assert relative_error(controlled(studio, network, half), controlled(studio, network)) < 1e-4


def test_it_is_refused_for_another_family(tmp_path: Path) -> None:
    _, lora = with_lora(tmp_path, families.SDXL)
    folder = tmp_path / "other"
    folder.mkdir()
    studio = studio_with(folder, families.SD1, lora=lora)
    with pytest.raises(BadInput, match=r"lora\.safetensors controls networks of another kind"):
        controlled(studio, load(studio, "lora"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("zero_convs.0.0.weight", "lacks the tensor 'zero_convs.0.0.weight'"),
        ("input_blocks.1.0.in_layers.2.down", "unknown tensors, the first is"),
        ("time_embed.0.up", "unknown tensors, the first is 'time_embed.0.down'"),
    ],
)
def test_a_file_without_a_tensor_is_refused(tmp_path: Path, name: str, message: str) -> None:
    studio, lora = with_lora(tmp_path, families.SD1)
    del lora[name]
    save_file(lora, tmp_path / "controlnet" / "lora.safetensors")
    with pytest.raises(UnsupportedCheckpoint) as refusal:
        load(studio, "lora")
    assert message in str(refusal.value)


def test_factors_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    studio, lora = with_lora(tmp_path, families.SD1)
    lora["time_embed.0.up"] = torch.zeros(128, RANK + 1)
    save_file(lora, tmp_path / "controlnet" / "lora.safetensors")
    with pytest.raises(UnsupportedCheckpoint, match="unknown layout at factors of shape"):
        load(studio, "lora")


def test_the_network_by_itself_says_what_the_sum_says(tmp_path: Path) -> None:
    studio, _ = with_lora(tmp_path, families.SD1)
    handle = replace(load(studio, "lora").handle, rest=studio.load()[0].handle)
    x, text = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 48)
    with (
        torch.inference_mode(),
        studio.pool.lease(handle) as module,
        studio.pool.lease(load(studio, "sum").handle) as whole,
    ):
        made, expected = (cast("Any", net)(x, HINT, torch.tensor([400]), text) for net in (module, whole))
    assert relative_error(made.middle, expected.middle) < EXACT
