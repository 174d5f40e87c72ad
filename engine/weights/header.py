"""What a file of weights says it holds, checked before any library sees the file.

Standard library only, but for small files of torch.save. Safetensors: 8 bytes little-endian header length, a
JSON object, then the tensors' bytes without gaps. A verdict on any file, hostile ones too, costs at most 1 s
and 64 MB: limits come first, and the header is walked entry by entry by a grammar of its own, because a JSON
tree of 16 MB can take 400 MB.
"""

import json
import math
import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from engine.errors import WeightsUnreadable
from engine.weights.magic import name_of_format
from engine.weights.shapes import Shape

# How small files of torch.save end.
ARCHIVE_SUFFIXES = frozenset({".pt", ".pth", ".bin"})
MAX_HEADER_BYTES = 16_000_000
MAX_TENSORS = 200_000
MAX_METADATA_ENTRIES = 10_000
# Real models repeat a few hundred shapes; without a bound a hostile header could hold 200 000 different ones.
MAX_DISTINCT_SHAPES = 20_000

# Bits per element of the dtypes that torch can hold.
DTYPE_BITS: Mapping[str, int] = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64,
}  # fmt: skip

# The parts of JSON that a header consists of.
_SPACE = rb"[ \t\n\r]*"
_STRING = rb'"([^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*)"'
# 15 digits are more bytes than any disk holds.
_NUMBER = rb"(?:0|[1-9]\d{0,14})"
_COLON = _SPACE + rb":" + _SPACE
_COMMA = _SPACE + rb"," + _SPACE
_NUMBERS = rb"(?:" + _NUMBER + rb"(?:" + _COMMA + _NUMBER + rb")*)?"
_DTYPE = rb'"dtype"' + _COLON + rb'"(\w+)"'
_SHAPE = rb'"shape"' + _COLON + rb"\[" + _SPACE + rb"(" + _NUMBERS + rb")" + _SPACE + rb"\]"
_RANGE = rb"\[" + _SPACE + rb"(" + _NUMBER + rb")" + _COMMA + rb"(" + _NUMBER + rb")" + _SPACE + rb"\]"
_OFFSETS = rb'"data_offsets"' + _COLON + _RANGE
_MEMBER = rb"(?:" + _DTYPE + rb"|" + _SHAPE + rb"|" + _OFFSETS + rb")" + _SPACE
# Three members in any order; one that comes twice leaves another's group empty.
_ENTRY = re.compile(
    _SPACE + _STRING + _COLON + rb"\{" + _SPACE
    + rb"(?:" + _MEMBER + rb"(?:," + _SPACE + rb"(?!\})|(?=\}))){3}\}" + _SPACE + rb"([,}])"
)  # fmt: skip
_METADATA = re.compile(_SPACE + rb'"__metadata__"' + _COLON + rb"\{" + _SPACE)
_PAIR = re.compile(_STRING + _COLON + _STRING + _SPACE + rb"(," + _SPACE + rb"(?!\}))?")
_END_OF_OBJECT = re.compile(rb"\}" + _SPACE + rb"([,}])")


class TensorType(NamedTuple):
    """What one tensor is; `dtype` is the format's word, such as "F16"."""

    dtype: str
    shape: Shape

    @property
    def size_bytes(self) -> int:
        return math.prod(self.shape) * DTYPE_BITS[self.dtype] // 8


@dataclass(frozen=True)
class Header:
    """The tensors of one file by name; `size_bytes` is the whole file's."""

    path: Path
    size_bytes: int
    tensors: Mapping[str, TensorType]
    metadata: Mapping[str, str]

    @property
    def shapes(self) -> dict[str, Shape]:
        return {name: tensor.shape for name, tensor in self.tensors.items()}


def read_header(path: Path) -> Header:
    """The checked header of a safetensors file; of a small file of torch.save, what it would be.

    Raises WeightsUnreadable, naming file and broken rule.
    """
    if path.suffix.lower() in ARCHIVE_SUFFIXES:
        return _header_of_archive(path)
    try:
        size_bytes = path.stat().st_size
        text = _read_text(path, size_bytes)
        table = _Table(text)
        table.walk()
        table.check_cover(size_bytes - 8 - len(text))
    except _RuleBroken as problem:
        raise WeightsUnreadable(f"{path.name}: {problem}") from None
    except OSError as problem:
        raise WeightsUnreadable(f"{path.name}: cannot be read: {problem.strerror or problem}") from problem
    return Header(path, size_bytes, table.tensors, table.metadata)


def _header_of_archive(path: Path) -> Header:
    # Who only reads safetensors does not pay for torch.
    from engine.weights.torch_archive import FORMAT_DTYPES, read_tensors

    try:
        size_bytes = path.stat().st_size
        tensors = read_tensors(path)
    except OSError as problem:
        raise WeightsUnreadable(f"{path.name}: cannot be read: {problem.strerror or problem}") from problem
    types = {
        name: TensorType(FORMAT_DTYPES[tensor.dtype], tuple(tensor.shape)) for name, tensor in tensors.items()
    }
    return Header(path, size_bytes, types, {})


class _RuleBroken(Exception):
    """One rule of the format or of our limits that a file breaks."""


def _read_text(path: Path, size_bytes: int) -> bytes:
    """The JSON bytes, after every check that needs no JSON."""
    with path.open("rb") as file:
        start = file.read(64)
        if known := name_of_format(start):
            raise _RuleBroken(f"is {known}, not a safetensors file; only safetensors files are loaded")
        length = int.from_bytes(start[:8], "little")
        if start[8:9] != b"{":
            raise _RuleBroken("is not a safetensors file: no header starts at byte 8")
        if length > MAX_HEADER_BYTES:
            raise _RuleBroken(f"has a header of {length} bytes; the limit is {MAX_HEADER_BYTES}")
        if length > size_bytes - 8:
            raise _RuleBroken(f"is truncated: its header needs {length} bytes, {size_bytes - 8} are there")
        file.seek(8)
        return file.read(length)


@dataclass
class _Table:
    """The rows of a header while it is walked; `begins` and `ends` are in the order of `tensors`."""

    text: bytes
    tensors: dict[str, TensorType] = field(default_factory=dict[str, TensorType])
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    begins: "array[int]" = field(default_factory=lambda: array("Q"))
    ends: "array[int]" = field(default_factory=lambda: array("Q"))
    types: dict[tuple[bytes, bytes], TensorType] = field(
        default_factory=dict[tuple[bytes, bytes], TensorType]
    )

    def walk(self) -> None:
        """Read entry after entry to the closing brace."""
        position, separator = 1, b","
        if not self.text.strip(b"{} \t\r\n"):
            raise _RuleBroken("names no tensors")
        while separator == b",":
            if (match := _ENTRY.match(self.text, position)) and None not in match.groups():
                self._add(match)
            elif match := _METADATA.match(self.text, position):
                match = self._add_metadata(match.end())
            else:
                raise self._malformed(position)
            position, separator = match.end(), match[match.re.groups]
        if self.text[position:].strip(b" \t\r\n"):
            raise self._malformed(position)

    def check_cover(self, data_bytes: int) -> None:
        """The tensors lie back to back and end where the file ends."""
        rows = zip(self.begins, self.ends, strict=True)
        in_order = all(end == begin for end, begin in zip(self.ends, self.begins[1:], strict=False))
        cursor = 0
        for begin, end in rows if in_order else sorted(rows):
            if begin != cursor:
                raise _RuleBroken(
                    f"has {'overlapping tensors' if begin < cursor else 'a gap'} at data byte {begin}"
                )
            cursor = end
        if cursor > data_bytes:
            raise _RuleBroken(f"is truncated: its tensors need {cursor} bytes, {data_bytes} are there")
        if cursor < data_bytes:
            raise _RuleBroken(f"has {data_bytes - cursor} bytes after its last tensor")

    def _add(self, match: re.Match[bytes]) -> None:
        name_text, dtype, shape, begin_text, end_text, _ = match.groups()
        name, begin, end = _unescape(name_text), int(begin_text), int(end_text)
        tensor = self.types.get((dtype, shape)) or self._type(dtype, shape)
        if name in self.tensors:
            raise _RuleBroken(f"names tensor {name[:80]!r} twice")
        if len(self.tensors) == MAX_TENSORS:
            raise _RuleBroken(f"holds more than {MAX_TENSORS} tensors, the limit")
        if end - begin != tensor.size_bytes:
            raise _RuleBroken(f"tensor {name[:80]!r} needs {tensor.size_bytes} bytes and has {end - begin}")
        self.tensors[name] = tensor
        self.begins.append(begin)
        self.ends.append(end)

    def _type(self, dtype_text: bytes, shape_text: bytes) -> TensorType:
        dtype = next((known for known in DTYPE_BITS if known.encode() == dtype_text), None)
        if dtype is None:
            raise _RuleBroken(f"has a tensor of unknown dtype {dtype_text[:40].decode()!r}")
        if len(self.types) == MAX_DISTINCT_SHAPES:
            raise _RuleBroken(f"has tensors of more than {MAX_DISTINCT_SHAPES} different shapes, the limit")
        shape = tuple(int(size) for size in shape_text.split(b",")) if shape_text else ()
        return self.types.setdefault((dtype_text, shape_text), TensorType(dtype, shape))

    def _add_metadata(self, position: int) -> re.Match[bytes]:
        """Read the map of strings from `position`; returns the match of its closing brace."""
        if self.metadata:
            raise _RuleBroken("has metadata twice")
        while pair := _PAIR.match(self.text, position):
            self.metadata[_unescape(pair[1])] = _unescape(pair[2])
            position = pair.end()
            if len(self.metadata) > MAX_METADATA_ENTRIES:
                raise _RuleBroken(f"has more than {MAX_METADATA_ENTRIES} metadata entries, the limit")
            if not pair[3]:
                break
        if end := _END_OF_OBJECT.match(self.text, position):
            return end
        raise _RuleBroken("has metadata that is not a map of strings")

    def _malformed(self, position: int) -> _RuleBroken:
        there = self.text[position : position + 60].decode(errors="replace")
        return _RuleBroken(f"has a malformed header at byte {8 + position}: {there!r}")


def _unescape(text: bytes) -> str:
    """The string between the quotes of a JSON string."""
    try:
        # Encoded again, because Python would let half a surrogate pass.
        return text.decode() if b"\\" not in text else str(json.loads(b'"' + text + b'"')).encode().decode()
    except ValueError as problem:
        raise _RuleBroken(f"has a malformed string in its header: {problem}") from None
