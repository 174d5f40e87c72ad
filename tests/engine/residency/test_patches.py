"""Patched weights: what they are, and that one copy in memory serves every variant."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.errors import BadInput, WeightsUnreadable
from engine.residency import load
from engine.residency.device import Placement
from engine.residency.handle import Handle, Lora, Mix, Share, WeightsFile
from engine.residency.pool import Pool
from engine.residency.weights import open_weights, sources_of
from engine.weights.lora_names import Change
from tests.engine.residency.fake_card import CPU_FP32, FakeCard, handle

CONV, LINEAR, NORM = "conv.weight", "linear.weight", "norm.bias"


class Toy(nn.Module):
    """One layer of each kind that is kept differently."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.linear = nn.Linear(4, 5)
        self.norm = nn.LayerNorm(5)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.linear(self.conv(x).flatten(2).mT))


class ToyConfig:
    def build(self) -> nn.Module:
        return Toy()


CONFIG = ToyConfig()


def write(path: Path, tensors: dict[str, Tensor]) -> WeightsFile:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return WeightsFile.at(path)


def toy_weights(seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(value.shape, generator=generator) for name, value in Toy().state_dict().items()}


def toy_handle(folder: Path, seed: int = 1) -> Handle:
    file = write(folder / f"toy{seed}.safetensors", toy_weights(seed))
    elements = sum(value.numel() for value in toy_weights(seed).values())
    return Handle(file.path, file.size_bytes, file.modified_ns, "unet", "none", "", CONFIG, elements)


@pytest.fixture
def toy(tmp_path: Path) -> Handle:
    return toy_handle(tmp_path)


def difference(folder: Path, tensors: dict[str, Tensor], strength: float = 1.0, name: str = "a") -> Lora:
    """Tensors to be added, by their names in the module."""
    changes = tuple(Change(target, "difference", (("diff", target),)) for target in tensors)
    return Lora(write(folder / f"{name}.safetensors", tensors), changes, strength)


@pytest.fixture
def patch(tmp_path: Path) -> Lora:
    return difference(
        tmp_path, {name: torch.full_like(toy_weights(1)[name], 0.3) for name in (CONV, LINEAR, NORM)}
    )


@pytest.fixture(params=["packed", "plain", "bfloat16"])
def pool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Pool:
    if request.param == "plain":
        monkeypatch.setattr(load, "can_pack", lambda device, dtype: False)
    dtype = torch.bfloat16 if request.param == "bfloat16" else torch.float32
    return Pool(Placement(torch.device("cpu"), dtype), 10**6)


def run(pool: Pool, handle: Handle) -> Tensor:
    x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0)).to(pool.placement.dtype)
    with torch.inference_mode(), pool.lease(handle) as module:
        return module(x.contiguous(memory_format=torch.channels_last))


def fresh(pool: Pool, handle: Handle) -> Tensor:
    """The same in a pool that never held another variant."""
    return run(Pool(pool.placement, 10**6), handle)


def test_a_patched_module_computes_with_the_changed_weights(
    pool: Pool, toy: Handle, patch: Lora, tmp_path: Path
) -> None:
    names = {change.target for change in patch.changes}
    summed = {name: value + 0.3 * (name in names) for name, value in toy_weights(1).items()}
    file = write(tmp_path / "summed.safetensors", summed)
    expected = replace(toy, path=file.path, size_bytes=file.size_bytes, modified_ns=file.modified_ns)
    assert torch.equal(run(pool, toy.patched(patch)), fresh(pool, expected))


def test_a_module_is_bit_identical_after_its_patches_went(pool: Pool, toy: Handle, patch: Lora) -> None:
    before = run(pool, toy)
    assert not torch.equal(run(pool, toy.patched(patch)), before)
    assert torch.equal(run(pool, toy), before)


def test_a_change_of_patches_gives_what_a_fresh_load_gives(
    pool: Pool, toy: Handle, patch: Lora, tmp_path: Path
) -> None:
    other = difference(tmp_path, {LINEAR: torch.ones(5, 4)}, -2.0, "b")
    variants = [
        toy.patched(patch),
        toy.patched(patch).patched(other),
        toy.patched(other),
        toy.patched(other).patched(patch),
        toy.patched(replace(patch, strength=0.5)),
        toy,
    ]
    for variant in variants:
        assert torch.equal(run(pool, variant), fresh(pool, variant))
    assert pool.resident == (toy,)


def test_all_variants_share_one_module(pool: Pool, toy: Handle, patch: Lora) -> None:
    with pool.lease(toy) as base:
        pass
    with pool.lease(toy.patched(patch)) as patched:
        assert patched is base
    assert pool.resident == (toy.patched(patch),)
    assert pool.used_bytes == toy.elements * pool.placement.dtype.itemsize


def test_a_variant_that_is_in_use_is_not_changed(pool: Pool, toy: Handle, patch: Lora) -> None:
    with torch.inference_mode():
        expected = fresh(pool, toy)
        with pool.lease(toy):
            run(pool, toy.patched(patch))
            assert torch.equal(run(pool, toy), expected)
    assert set(pool.resident) == {toy, toy.patched(patch)}


def test_a_lora_file_that_changed_is_refused_and_leaves_no_half_changed_module(
    pool: Pool, toy: Handle, patch: Lora
) -> None:
    expected = run(pool, toy)
    patch.file.path.unlink()
    with pytest.raises(WeightsUnreadable, match=r"a\.safetensors changed"):
        run(pool, toy.patched(patch))
    assert torch.equal(run(pool, toy), expected)


def test_a_patch_of_another_size_names_file_tensor_and_shape(pool: Pool, toy: Handle, tmp_path: Path) -> None:
    wrong = difference(tmp_path, {LINEAR: torch.ones(7)}, name="wrong")
    with pytest.raises(
        BadInput, match=r"wrong\.safetensors does not fit 'linear.weight' of unet of toy1.*\[5, 4\]"
    ):
        run(pool, toy.patched(wrong))


def read_all(handle: Handle) -> dict[str, Tensor]:
    with open_weights(handle, torch.device("cpu")) as weights:
        return {name: weights.read(name).clone() for name in sources_of(handle)}


def test_a_mix_weighs_both_modules(tmp_path: Path, toy: Handle) -> None:
    other = toy_handle(tmp_path, seed=2)
    mixed = read_all(toy.patched(Mix(other, (Share("", 0.25, 0.75),))))
    first, second = toy_weights(1), toy_weights(2)
    for name, tensor in mixed.items():
        torch.testing.assert_close(tensor, 0.25 * first[name] + 0.75 * second[name])


def test_the_longest_start_chooses_the_share_and_the_first_is_for_the_rest(
    tmp_path: Path, toy: Handle
) -> None:
    other = toy_handle(tmp_path, seed=2)
    shares = (Share("x", 1.0, 0.0), Share("linear.", 0.5, 0.5), Share("linear.b", 0.0, 1.0))
    mixed = read_all(toy.patched(Mix(other, shares)))
    first, second = toy_weights(1), toy_weights(2)
    assert torch.equal(mixed[CONV], first[CONV])
    torch.testing.assert_close(mixed[LINEAR], (first[LINEAR] + second[LINEAR]) / 2)
    assert torch.equal(mixed["linear.bias"], second["linear.bias"])


def test_patches_of_both_sides_count_in_their_order(tmp_path: Path, toy: Handle, patch: Lora) -> None:
    other = toy_handle(tmp_path, seed=2).patched(patch)
    half = (Share("", 0.5, 0.5),)
    after = read_all(toy.patched(Mix(other, half)).patched(patch))[LINEAR]
    before = read_all(toy.patched(patch).patched(Mix(other, half)))[LINEAR]
    mean = (toy_weights(1)[LINEAR] + toy_weights(2)[LINEAR]) / 2
    torch.testing.assert_close(after, mean + 0.15 + 0.3)
    torch.testing.assert_close(before, mean + 0.15 + 0.15)


def test_tensors_that_the_other_lacks_or_has_in_another_shape_stay(tmp_path: Path, toy: Handle) -> None:
    tensors = toy_weights(2) | {CONV: torch.zeros(4, 9, 3, 3)}
    del tensors[NORM]
    file = write(tmp_path / "other.safetensors", tensors)
    other = replace(toy, path=file.path, size_bytes=file.size_bytes, modified_ns=file.modified_ns)
    mixed = read_all(toy.patched(Mix(other, (Share("", 2.0, 1.0),))))
    assert torch.equal(mixed[CONV], toy_weights(1)[CONV])
    assert torch.equal(mixed[NORM], toy_weights(1)[NORM])
    assert not torch.equal(mixed[LINEAR], toy_weights(1)[LINEAR])


def test_rounding_to_eight_bits_comes_before_patches(tmp_path: Path, toy: Handle) -> None:
    small = difference(tmp_path, {LINEAR: torch.full((5, 4), 1e-4)})
    rounded = toy_weights(1)[LINEAR].to(torch.float8_e4m3fn).float()
    stored = replace(toy, storage="fp8_e4m3fn").patched(small)
    assert torch.equal(read_all(stored)[LINEAR], rounded + 1e-4)


@contextmanager
def leased(pool: Pool, *handles: Handle) -> Iterator[None]:
    for each in handles:
        with pool.lease(each):
            pass
    yield


def test_a_card_without_room_for_the_change_loads_anew() -> None:
    card = FakeCard()

    def fail(*_: Any) -> None:
        raise torch.OutOfMemoryError("no room")

    pool = Pool(CPU_FP32, 100, load=card.load, change=fail)
    base = handle("a", 40)
    patched = base.patched(Lora(WeightsFile(Path("x"), 0, 0), (), 1.0))
    with leased(pool, base, patched):
        assert card.loaded == ["a", "a"]
        assert pool.resident == (patched,)
