from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from engine.errors import WeightsUnreadable
from engine.models.detect import detect_checkpoint
from engine.models.sd_unet import SdUNet
from engine.nodes.model_files import handle_of
from engine.residency import load
from engine.residency.device import Placement
from engine.residency.handle import Handle
from engine.residency.load import load_module, settle
from engine.weights.header import read_header
from tests.engine.oracles.diffusers_sd import below, relative_error
from tests.engine.oracles.make_checkpoint import TINY, draw_checkpoint, write_checkpoint

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("models") / "tiny.safetensors")


@pytest.fixture
def unet(path: Path) -> Handle:
    checkpoint = detect_checkpoint(read_header(path).shapes, path.name)
    return handle_of(path, checkpoint.family.name, "unet", checkpoint.unet)


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return torch.randn(2, 4, 10, 12), torch.tensor([7, 900]), torch.randn(2, 77, TINY.unet.context_width)


# The order of sums differs; bfloat16 has 8 bits of precision, and errors add up over two dozen layers.
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.02)], ids=["fp32", "bf16"]
)
def test_a_packed_module_computes_what_the_plain_one_does(
    path: Path, unet: Handle, dtype: torch.dtype, tolerance: float
) -> None:
    plain = TINY.unet.build()
    plain.load_state_dict(below(load_file(path), "model.diffusion_model."))
    x, timestep, text = inputs()
    with torch.inference_mode():
        packed = load_module(unet, Placement(CPU, dtype))
        made = packed(x.to(dtype), timestep, text.to(dtype))
        assert relative_error(
            made.float(), plain.to(dtype)(x.to(dtype), timestep, text.to(dtype)).float()
        ) < (tolerance)


@pytest.mark.parametrize("side", [1, 4, 32])
def test_a_packed_convolution_of_single_pixels_computes_what_the_plain_one_does(side: int) -> None:
    plain = nn.Sequential(nn.Conv2d(24, 40, 1))
    x = torch.randn(2, 24, side, side + 1)
    with torch.inference_mode():
        expected = plain(x)
        packed = settle(plain, CPU, torch.float32)
        assert relative_error(packed(x), expected) < 1e-5


def test_without_packing_the_weights_are_the_files(
    path: Path, unet: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "can_pack", lambda device, dtype: False)
    module = load_module(unet, Placement(CPU, torch.float32))
    expected = below(load_file(path), "model.diffusion_model.")
    assert all(torch.equal(tensor, expected[name]) for name, tensor in module.state_dict().items())


def test_weights_are_cast_to_the_placements_dtype(unet: Handle) -> None:
    module = load_module(unet, Placement(CPU, torch.bfloat16))
    assert {parameter.dtype for parameter in module.parameters()} == {torch.bfloat16}


def test_a_bfloat16_network_stays_near_the_exact_one(unet: Handle) -> None:
    x, timestep, text = inputs()
    with torch.inference_mode():
        exact = load_module(unet, Placement(CPU, torch.float32))(x, timestep, text)
        rough = load_module(unet, Placement(CPU, torch.bfloat16))(x.bfloat16(), timestep, text.bfloat16())
    # bfloat16 has 8 bits of precision, and errors add up over two dozen layers.
    assert relative_error(rough.float(), exact) < 0.05


def test_a_loaded_module_wants_no_gradients(unet: Handle) -> None:
    module = load_module(unet, Placement(CPU, torch.bfloat16))
    assert isinstance(module, SdUNet)
    assert not module.training
    assert not any(parameter.requires_grad for parameter in module.parameters())


def test_a_file_that_changed_since_it_was_looked_at_is_refused(unet: Handle) -> None:
    with pytest.raises(WeightsUnreadable, match=r"tiny\.safetensors changed"):
        load_module(replace(unet, modified_ns=1), Placement(CPU, torch.float32))


def test_a_file_that_is_gone_is_refused(unet: Handle) -> None:
    with pytest.raises(WeightsUnreadable, match=r"gone\.safetensors changed"):
        load_module(
            replace(unet, path=unet.path.with_name("gone.safetensors")), Placement(CPU, torch.float32)
        )


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights stay to be looked at."""
    monkeypatch.setattr(load, "can_pack", lambda device, dtype: False)


@pytest.mark.usefixtures("unpacked")
def test_files_in_eight_bits_are_loaded(tmp_path: Path) -> None:
    weights = {name: tensor.to(torch.float8_e4m3fn) for name, tensor in draw_checkpoint(TINY).items()}
    save_file(weights, tmp_path / "fp8.safetensors")
    handle = handle_in(tmp_path / "fp8.safetensors")
    module = load_module(handle, Placement(CPU, torch.bfloat16))
    name = "middle_block.1.proj_in.weight"
    assert torch.equal(module.state_dict()[name], weights[handle.prefix + name].bfloat16())


@pytest.mark.usefixtures("unpacked")
def test_factors_beside_matrices_in_eight_bits_are_applied(tmp_path: Path) -> None:
    weights = draw_checkpoint(TINY)
    name = "model.diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_q"
    weights |= {
        f"{name}.weight": (weights[f"{name}.weight"] * 100).to(torch.float8_e4m3fn),
        f"{name}.scale_weight": torch.tensor(0.01),
        f"{name}.scale_input": torch.tensor(1.0),
        "model.diffusion_model.scaled_fp8": torch.zeros(2).to(torch.float8_e4m3fn),
    }
    save_file(weights, tmp_path / "scaled.safetensors")
    module = load_module(handle_in(tmp_path / "scaled.safetensors"), Placement(CPU, torch.bfloat16))
    loaded = module.state_dict()[f"{name}.weight".removeprefix("model.diffusion_model.")]
    expected = weights[f"{name}.weight"].float() * weights[f"{name}.scale_weight"]
    assert torch.equal(loaded, expected.bfloat16())


def handle_in(path: Path) -> Handle:
    checkpoint = detect_checkpoint(read_header(path).shapes, path.name)
    return handle_of(path, checkpoint.family.name, "unet", checkpoint.unet)
