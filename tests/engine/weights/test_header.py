import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from engine.errors import WeightsUnreadable
from engine.weights import header
from engine.weights.header import MAX_HEADER_BYTES, MAX_TENSORS, read_header


def write(path: Path, members: object, data: bytes = b"") -> Path:
    """A file of this header, as JSON or as it stands."""
    text = members if isinstance(members, bytes) else json.dumps(members).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(begin: int = 0, end: int = 4, **changes: object) -> dict[str, object]:
    return {"dtype": "F32", "shape": [(end - begin) // 4], "data_offsets": [begin, end], **changes}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rain.safetensors"


def refusal(path: Path) -> str:
    with pytest.raises(WeightsUnreadable) as caught:
        read_header(path)
    assert str(caught.value).startswith("rain.safetensors: ")
    return str(caught.value)


def test_a_file_of_the_library_is_read_as_the_library_reads_it(path: Path) -> None:
    tensors = {
        "b.weight": torch.zeros(3, 5, dtype=torch.float16),
        "a": torch.zeros(()),
        "empty": torch.zeros(0, 7, dtype=torch.int64),
        'odd "name" \\ ü': torch.zeros(2, dtype=torch.float8_e4m3fn),
    }
    save_file(tensors, path, metadata={"format": "pt", "quote": 'a "b" {c}'})
    found = read_header(path)
    assert found.shapes == {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    assert {name: tensor.dtype for name, tensor in found.tensors.items()} == {
        "b.weight": "F16",
        "a": "F32",
        "empty": "I64",
        'odd "name" \\ ü': "F8_E4M3",
    }
    assert found.metadata == {"format": "pt", "quote": 'a "b" {c}'}


def test_members_may_come_in_any_order_and_with_any_space(path: Path) -> None:
    text = b'{ "x" :\n{"data_offsets":[ 0 , 8 ], "shape" : [ 2 ],"dtype": "F32" }\t,"__metadata__":{} } '
    assert read_header(write(path, text, bytes(8))).shapes == {"x": (2,)}


@pytest.mark.parametrize(
    ("members", "data", "rule"),
    [
        ({"x": entry()}, 3, "truncated: its tensors need 4 bytes, 3 are there"),
        ({"x": entry()}, 6, "2 bytes after its last tensor"),
        ({"x": entry(), "y": entry(8, 12)}, 12, "a gap at data byte 8"),
        ({"x": entry(), "y": entry(0, 4)}, 4, "overlapping tensors at data byte 0"),
        ({"x": entry(4, 8), "y": entry(0, 8)}, 8, "overlapping tensors"),
        ({"x": entry(shape=[2])}, 4, "tensor 'x' needs 8 bytes and has 4"),
        ({"x": entry(shape=[10**14] * 9)}, 4, "tensor 'x' needs"),
        ({"x": entry(dtype="F7")}, 4, "unknown dtype 'F7'"),
        ({"x": entry(extra=1)}, 4, "malformed header"),
        ({"x": entry(shape=[1.5])}, 4, "malformed header at byte 9"),
        ({"x": entry(shape=[-1])}, 4, "malformed header"),
        ({"x": entry(4, 0, shape=[0])}, 4, "needs 0 bytes and has -4"),
        ({"x": entry(shape=[10**15])}, 4, "malformed header"),
        ({"x": {"dtype": "F32", "shape": [1]}}, 4, "malformed header"),
        ({"x": 3}, 4, "malformed header"),
        ({"__metadata__": {"a": 1}, "x": entry()}, 4, "metadata that is not a map of strings"),
        ({"__metadata__": {"a": {}}, "x": entry()}, 4, "metadata that is not a map of strings"),
        ({}, 0, "names no tensors"),
        (b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}', 4, "malformed header"),
        (b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}', 4, "malformed header"),
        (b'{"x":{"dtype":"F32","shape":[1,,],"data_offsets":[0,4]}}', 4, "malformed header"),
        (b'{"x":{"dtype":"F32","shape":[1],"dtype":"F32"}}', 4, "malformed header"),
        (b'{"\\q":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4, "malformed string"),
        (b'{"\xff":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4, "malformed string"),
        (b'{"\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4, "malformed string"),
        (b'{"a":' * 5_000, 4, "malformed header"),
    ],
)
def test_a_broken_rule_is_named(path: Path, members: object, data: int, rule: str) -> None:
    write(path, members, bytes(data))
    with pytest.raises(WeightsUnreadable, match=rule):
        read_header(path)


def test_a_tensor_named_twice_is_refused(path: Path) -> None:
    one = '"x":' + json.dumps(entry())
    assert "'x' twice" in refusal(write(path, f"{{{one},{one}}}".encode(), bytes(4)))


def test_a_name_escaped_differently_is_still_the_same_name(path: Path) -> None:
    text = f'{{"x":{json.dumps(entry())},"\\u0078":{json.dumps(entry())}}}'
    assert "'x' twice" in refusal(write(path, text.encode(), bytes(4)))


def test_a_file_that_was_cut_short_is_called_truncated(path: Path) -> None:
    save_file({"x": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:-1])
    assert "truncated" in refusal(path)


def test_a_file_cut_inside_its_header_is_called_truncated(path: Path) -> None:
    save_file({"x": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:20])
    assert "truncated: its header needs" in refusal(path)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"", "an empty file"),
        (b"PK\x03\x04" + bytes(60), "a zip archive, as torch.save writes"),
        (b"\x80\x02}q\x00X\x01" + bytes(60), "a Python pickle"),
        (b"\x80\x04\x95\x10\x00\x00\x00\x00\x00{", "a Python pickle"),
        (b"GGUF" + bytes(60), "a GGUF file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "a PNG picture"),
        (b"hello world, this is text", "no header starts at byte 8"),
        (b"abc", "no header starts at byte 8"),
    ],
)
def test_what_only_has_the_suffix_is_told_by_its_first_bytes(path: Path, start: bytes, kind: str) -> None:
    path.write_bytes(start)
    assert kind in refusal(path)


def test_a_pickle_that_torch_wrote_is_refused_and_never_opened(path: Path) -> None:
    torch.save({"x": torch.zeros(3)}, path)
    assert "torch.save" in refusal(path)


def test_a_missing_file_is_named(path: Path) -> None:
    assert "cannot be read: No such file" in refusal(path)


def test_a_header_at_the_limit_is_accepted(path: Path) -> None:
    text = json.dumps({"x": entry()}).encode().ljust(MAX_HEADER_BYTES)
    assert read_header(write(path, text, bytes(4))).shapes == {"x": (1,)}


def test_a_header_one_byte_longer_is_refused(path: Path) -> None:
    text = json.dumps({"x": entry()}).encode().ljust(MAX_HEADER_BYTES + 1)
    assert "header of 16000001 bytes; the limit is 16000000" in refusal(write(path, text, bytes(4)))


def many(count: int) -> bytes:
    member = '"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    return ("{" + ",".join(member % number for number in range(count)) + "}").encode()


def test_one_tensor_more_than_the_limit_is_refused(path: Path) -> None:
    assert "more than 200000 tensors" in refusal(write(path, many(MAX_TENSORS + 1)))


@pytest.mark.parametrize("limit", ["MAX_METADATA_ENTRIES", "MAX_DISTINCT_SHAPES"])
def test_the_other_limits_hold_too(path: Path, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header, limit, 1)
    members: dict[str, Any] = {"__metadata__": {"a": "", "b": ""}, "x": entry(), "y": entry(4, 12)}
    write(
        path,
        {name: members[name] for name in members if limit.endswith("ENTRIES") or name in "xy"},
        bytes(12),
    )
    assert "more than 1 " in refusal(path)


VERDICT = """
import resource, sys, time
from pathlib import Path
from engine.errors import WeightsUnreadable
from engine.weights.header import read_header
before = resource.getrusage(resource.RUSAGE_SELF)
try:
    read_header(Path(sys.argv[1]))
except WeightsUnreadable:
    pass
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
print((after.ru_maxrss - before.ru_maxrss) / 1000)
"""


@pytest.mark.parametrize(
    "text",
    [
        many(MAX_TENSORS),
        b'{"__metadata__":{' + b",".join(b'"%d":"%d"' % (n, n) for n in range(900_000)) + b"}}",
        b'{"a":[' + b"{}," * 5_000_000 + b"1]}",
        b'{"a":' * 3_000_000,
        b'{"' + b"\\u0041" * 2_600_000 + b'":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
        b"{" + b" " * 15_900_000 + b"}",
        b'{"a"' + b" " * 15_900_000 + b"}",
    ],
    ids=["200 000 tensors", "metadata", "junk", "nesting", "escapes", "space", "space before a colon"],
)
def test_a_verdict_on_any_header_costs_at_most_a_second_and_64_mb(path: Path, text: bytes) -> None:
    write(path, text)
    command = [sys.executable, "-c", VERDICT, str(path)]
    cost = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    seconds, megabytes = map(float, cost)
    # CPU seconds, so that a busy machine does not fail the test; the margin is for slow ones.
    assert seconds < 2
    assert megabytes < 64


def test_what_is_accepted_the_library_accepts_with_the_same_table(path: Path) -> None:
    rng = random.Random(1)  # noqa: S311 -- not for secrets
    save_file({f"layer.{n}.weight": torch.zeros(n, 3) for n in range(4)}, path, metadata={"format": "pt"})
    original = path.read_bytes()
    accepted = sum(_agrees(path, _damage(original, rng)) for _ in range(400))
    assert accepted > 0


def _damage(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return content[:place] + bytes([rng.choice(b'0123456789"{}[],:aF ')]) + content[place + 1 :]


def _agrees(path: Path, content: bytes) -> bool:
    """Whether our parser accepts the bytes; if so the library must see the same."""
    path.write_bytes(content)
    try:
        ours = read_header(path).shapes
    except WeightsUnreadable:
        return False
    with safe_open(path, framework="pt") as file:
        assert {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()} == ours  # noqa: SIM118
    return True
