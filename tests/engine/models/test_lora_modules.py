"""Names in LoRA files against the modules of diffusers and transformers."""

from typing import Any

import pytest
import torch

from engine.models.diffusers_layout import unet_layout, unet_names_in_diffusers
from engine.models.lora_modules import text_aliases, unet_aliases
from tests.engine.oracles import families
from tests.engine.oracles.diffusers_sd import build_text_encoder, build_unet
from tests.engine.oracles.families import TinyFamily, draw_family

NETWORKS = pytest.mark.parametrize(
    "family", [families.SD1, families.SD2, families.SDXL, families.REFINER, families.SSD]
)


def modules_of(network: torch.nn.Module) -> set[str]:
    """Names of all modules with weights."""
    return {name.rpartition(".")[0] for name in network.state_dict()}


@NETWORKS
def test_every_module_of_diffusers_network_is_found(family: TinyFamily) -> None:
    weights = draw_family(family).unet
    theirs: Any = build_unet(family.unet, weights)
    aliases, same = unet_aliases(weights), theirs.state_dict()
    for name in modules_of(theirs):
        flat = name.replace(".", "_")
        spellings = [f"unet.{name}", name, f"lora_unet_{flat}", f"lycoris_{flat}"]
        (module,) = {aliases[spelling] for spelling in spellings}
        assert torch.equal(weights[f"{module}.weight"], same[f"{name}.weight"])


@NETWORKS
def test_the_released_names_are_found_too(family: TinyFamily) -> None:
    with torch.device("meta"):
        network = family.unet.build()
    aliases = unet_aliases(network.state_dict())
    for name in modules_of(network):
        assert aliases[f"lora_unet_{name.replace('.', '_')}"] == aliases[f"diffusion_model.{name}"] == name


@NETWORKS
def test_names_in_diffusers_are_the_inverse_of_its_layout(family: TinyFamily) -> None:
    with torch.device("meta"):
        shapes = {name: tuple(tensor.shape) for name, tensor in family.unet.build().state_dict().items()}
    theirs = unet_names_in_diffusers(shapes)
    there = unet_layout({theirs[name]: shape for name, shape in shapes.items()})
    assert {ours: source.name for ours, source in there.items()} == theirs


@pytest.mark.parametrize(
    ("family", "place", "prefixes"),
    [
        (families.SD1, 0, ["lora_te_", "lora_te1_", "text_encoder.", "text_encoders.clip.transformer."]),
        (families.SDXL, 0, ["lora_te1_", "text_encoder.", "text_encoders.clip.transformer."]),
        (families.SDXL, 1, ["lora_te2_", "text_encoder_2.", "text_encoders.clip.transformer."]),
    ],
)
def test_every_module_of_transformers_encoder_is_found(
    family: TinyFamily, place: int, prefixes: list[str]
) -> None:
    weights = draw_family(family).texts[place]
    theirs: Any = build_text_encoder(family.texts[place].config, weights)
    aliases = text_aliases(weights, place, "clip", is_sole=len(family.texts) == 1)
    same = theirs.state_dict()
    names = modules_of(theirs)
    assert len(names) == len(set(aliases.values()))
    for name, prefix in ((name, prefix) for name in names for prefix in prefixes):
        bare = name.removeprefix("text_model.")
        full = bare if bare == "text_projection" else f"text_model.{bare}"
        module = aliases[prefix + (full.replace(".", "_") if prefix.endswith("_") else full)]
        assert torch.equal(weights[f"{module}.weight"], same[f"{name}.weight"])


def test_the_second_encoder_of_two_is_not_taken_for_the_first() -> None:
    weights = draw_family(families.SDXL).texts[0]
    assert not any(name.startswith("lora_te_") for name in text_aliases(weights, 0, "clip_l", is_sole=False))
