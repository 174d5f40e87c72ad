"""Files of torch.save: what torch reads from them, and nothing that is more than tensors."""

import collections
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine.errors import WeightsUnreadable
from engine.weights import torch_archive
from engine.weights.header import read_header
from engine.weights.tensors import open_tensors
from engine.weights.torch_archive import read_archive

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool)


def saved(path: Path, document: object, *, is_zip: bool = True) -> Path:
    torch.save(document, path, _use_new_zipfile_serialization=is_zip)
    return path


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "streams"])
def test_what_is_read_is_what_torch_reads(tmp_path: Path, is_zip: bool) -> None:
    base = torch.randn(6, 8)
    document = {
        "plain": base,
        "again": base,
        "turned": base.T,
        "part": base[2:, ::3],
        "scalar": torch.tensor(3.5),
        "empty": torch.empty(0, 4),
        "words": ["a", 1, -2, 1 << 40, 2.5, None, True, {"b": ()}],
        "layer": nn.Linear(3, 2).state_dict(),
        **{str(dtype): torch.ones(3).to(dtype) for dtype in DTYPES},
    }
    path = saved(tmp_path / "some.pt", document, is_zip=is_zip)
    found: Any = read_archive(path)
    expected: Any = torch.load(path, weights_only=True)
    assert found["words"] == ["a", 1, -2, 1 << 40, 2.5, None, True, {"b": []}]
    assert found["layer"].keys() == expected["layer"].keys()
    tensors = {name: tensor for name, tensor in found.items() if isinstance(tensor, torch.Tensor)}
    for name, tensor in {
        **tensors,
        **{f"layer {key}": value for key, value in found["layer"].items()},
    }.items():
        part = expected["layer"][name.removeprefix("layer ")] if name.startswith("layer ") else expected[name]
        assert tensor.dtype == part.dtype
        assert torch.equal(tensor, part)


class Maker:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("protocol", range(6))
def test_a_program_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    target = tmp_path / "was here"
    (tmp_path / "evil.pt").write_bytes(pickle.dumps({"x": Maker(target)}, protocol))
    with zipfile.ZipFile(tmp_path / "evil.bin", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"x": Maker(target)}, protocol))
    for name in ("evil.pt", "evil.bin"):
        with pytest.raises(WeightsUnreadable, match=rf"{name}: (holds more than tensors|is damaged)"):
            read_archive(tmp_path / name)
    assert not target.exists()


@pytest.mark.parametrize(
    "value",
    [collections.Counter("aab"), torch.nn.Linear(2, 2), Path("x"), b"bytes", slice(1)],
    ids=["counter", "module", "path", "bytes", "slice"],
)
def test_other_classes_are_refused_by_name(tmp_path: Path, value: object) -> None:
    with pytest.raises(
        WeightsUnreadable, match=r"more\.pt: holds more than tensors .*; save it as safetensors"
    ):
        read_archive(saved(tmp_path / "more.pt", {"x": value}))


def test_every_cut_of_a_file_is_refused_or_harmless(tmp_path: Path) -> None:
    whole = saved(tmp_path / "whole.pt", {"x": torch.arange(8.0), "y": ["a"]}, is_zip=False).read_bytes()
    cut = tmp_path / "cut.pt"
    for length in range(0, len(whole) - 1):
        cut.write_bytes(whole[:length])
        with pytest.raises(WeightsUnreadable, match=r"cut\.pt: "):
            read_archive(cut)


def test_changed_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    document = {"x": torch.arange(8.0).reshape(2, 4), "y": ["a"]}
    files = [saved(tmp_path / f"{is_zip}.pt", document, is_zip=is_zip) for is_zip in (True, False)]
    changed = tmp_path / "changed.pt"
    generator = torch.Generator().manual_seed(1)
    refused = 0
    for file in files:
        whole = file.read_bytes()
        for _ in range(300):
            place, byte = (int(torch.randint(limit, (), generator=generator)) for limit in (len(whole), 256))
            changed.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
            try:
                read_archive(changed)
            except WeightsUnreadable:
                refused += 1
    assert 50 < refused < 600


def test_a_tensor_beyond_its_numbers_is_refused(tmp_path: Path) -> None:
    tensor = torch.arange(4.0)
    path = saved(tmp_path / "far.pt", {"x": tensor})
    with zipfile.ZipFile(path) as archive:
        document = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        entries = {name: archive.read(name) for name in archive.namelist()}
    # Its side, four, as a small integer in a tuple of one.
    entries[document] = entries[document].replace(b"K\x04\x85", b"K\x05\x85")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    with pytest.raises(WeightsUnreadable, match=r"far\.pt: is damaged"):
        read_archive(path)


def test_large_tensors_files_and_nests_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsUnreadable, match="more than 10000000 numbers"):
        read_archive(saved(tmp_path / "wide.pt", torch.zeros(1).expand(20_000_000)))
    nest: list[object] = []
    for _ in range(7):
        nest = [nest] * 100
    with pytest.raises(WeightsUnreadable, match="more than 8 levels or 100000 values"):
        read_archive(saved(tmp_path / "nest.pt", nest))
    path = saved(tmp_path / "large.pt", torch.zeros(100))
    monkeypatch.setattr(torch_archive, "MAX_BYTES", 1000)
    with pytest.raises(WeightsUnreadable, match=r"large\.pt: is larger than 1000 bytes"):
        read_archive(path)


def test_a_header_names_tensors_by_the_way_to_them(tmp_path: Path) -> None:
    half = torch.arange(6).reshape(2, 3).half()
    path = saved(tmp_path / "nest.pth", {"params": {"a.weight": half, "b": torch.ones(2)}, "epoch": 3})
    header = read_header(path)
    assert header.tensors == {"params.a.weight": ("F16", (2, 3)), "params.b": ("F32", (2,))}
    assert header.size_bytes == path.stat().st_size
    with open_tensors(path) as tensors:
        assert torch.equal(tensors.read("params.a.weight"), half)
        with pytest.raises(WeightsUnreadable, match=r"nest\.pth: tensor 'c': is not there"):
            tensors.read("c")


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnreadable, match=r"gone\.pth: cannot be read: No such file"):
        read_header(tmp_path / "gone.pth")
