from typing import get_args

import pytest
import torch

from engine.errors import BadInput
from engine.residency.device import Placement, choose_placement, default_budget_bytes
from engine.residency.handle import Part

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": True}, torch.bfloat16),
        ({"architecture": "aarch64", "bf16": True}, torch.bfloat16),
        ({"avx512_f": True, "avx512_bf16": False}, torch.float32),
    ],
    ids=["avx512", "amx", "arm", "none"],
)
def test_a_machine_without_a_card_computes_in_what_it_multiplies(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, object], dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert choose_placement() == Placement(CPU, dtype)


def test_a_machine_with_a_card_uses_it_in_half_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_placement() == Placement(torch.device("cuda"), torch.float16)


@pytest.mark.parametrize(("name", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_the_precision_can_be_chosen(name: str, dtype: torch.dtype) -> None:
    assert choose_placement("cpu", name).dtype == dtype


def test_an_unknown_device_is_bad_input() -> None:
    with pytest.raises(BadInput, match="device 'toaster'"):
        choose_placement("toaster")


def test_an_unknown_precision_is_bad_input() -> None:
    with pytest.raises(BadInput, match="dtype 'fp7' is not one of auto, fp32, fp16, bf16"):
        choose_placement("cpu", "fp7")


def test_a_card_that_is_not_there_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadInput, match="no CUDA"):
        choose_placement("cuda")


def test_decoders_never_run_in_fp16() -> None:
    placement = Placement(torch.device("cuda"), torch.float16)
    assert placement.dtype_of("vae") == torch.float32
    assert placement.dtype_of("unet") == torch.float16


def test_on_a_cpu_only_what_runs_at_every_step_is_rough() -> None:
    placement = Placement(CPU, torch.bfloat16)
    found = {part: placement.dtype_of(part) for part in get_args(Part)}
    assert {part for part, dtype in found.items() if dtype == torch.bfloat16} == {"unet", "control"}


def test_the_identity_names_kind_of_device_and_precision_but_no_number() -> None:
    assert Placement(torch.device("cuda:1"), torch.bfloat16).identity == "cuda:bfloat16"


def test_the_budget_on_a_cpu_is_half_of_memory() -> None:
    assert default_budget_bytes(Placement(CPU, torch.float32)) > 100_000_000
