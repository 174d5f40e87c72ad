"""Small files that torch.save wrote, such as textual inversions and upscalers, read without unpickling them.

A pickle is a program. This does not run it: it follows the few instructions that dicts, lists, numbers, texts
and tensors are made of, looks no name up and calls nothing. Any other instruction or name is refused, and so
are files that are large, since there is no reason to share those so.

The instructions: Python's pickletools. Both of torch's containers are read: the zip archive of version 1.6
and later, and the streams of before.
"""

import io
import math
import pickletools
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import torch
from torch import Tensor

from engine.errors import WeightsUnreadable

MAX_BYTES: Final = 100_000_000
MAX_NUMBERS: Final = 10_000_000
_MAX_DEPTH: Final = 8
_MAX_VALUES: Final = 100_000

_DTYPES: Final = {
    "torch DoubleStorage": torch.float64,
    "torch FloatStorage": torch.float32,
    "torch HalfStorage": torch.float16,
    "torch BFloat16Storage": torch.bfloat16,
    "torch LongStorage": torch.int64,
    "torch IntStorage": torch.int32,
    "torch ShortStorage": torch.int16,
    "torch CharStorage": torch.int8,
    "torch ByteStorage": torch.uint8,
    "torch BoolStorage": torch.bool,
}
# The same in the words of safetensors.
FORMAT_DTYPES: Final = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_ORDERED_DICT: Final = "collections OrderedDict"
_PARAMETER_DICT: Final = "torch.nn.modules.container ParameterDict"
_SET: Final = "__builtin__ set"
_TENSOR: Final = "torch._utils _rebuild_tensor_v2"
_PARAMETER: Final = "torch._utils _rebuild_parameter"
# What begins a file of the streams.
_STREAM_MAGIC: Final = 0x1950A86A20F9469CFC6C


@dataclass(frozen=True)
class _Name:
    """A class or function that the file speaks of; never looked up."""

    text: str


@dataclass(frozen=True, eq=False)
class _Storage:
    """A tensor's numbers, to be found under `key`."""

    dtype: torch.dtype
    key: str


@dataclass(frozen=True, eq=False)
class _View:
    """A tensor over a storage, once its numbers are known."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


_DAMAGE: Final = (zipfile.BadZipFile, struct.error)


class _Refused(Exception):
    """The file says something that is not followed."""


def read_archive(path: Path) -> object:
    """Dicts, lists, tuples, texts, numbers and tensors, as they were saved. Raises WeightsUnreadable."""
    if path.stat().st_size > MAX_BYTES:
        raise WeightsUnreadable(f"{path.name}: is larger than {MAX_BYTES} bytes, the limit for such files")
    content = path.read_bytes()
    try:
        return _read_zip(content) if content.startswith(b"PK") else _read_streams(content)
    except _Refused as refusal:
        raise WeightsUnreadable(f"{path.name}: {refusal}; save it as safetensors") from refusal
    # What pickletools, zipfile and the stack raise over damaged files.
    except (ValueError, LookupError, TypeError, RuntimeError, ArithmeticError, EOFError, *_DAMAGE) as damage:
        raise WeightsUnreadable(f"{path.name}: is damaged, or no file of torch.save") from damage


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of the file, named by the way to them with dots between. Raises WeightsUnreadable."""
    found: dict[str, Tensor] = {}
    waiting: list[tuple[str, object]] = [("", read_archive(path))]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Tensor):
            found[name] = value
        elif isinstance(value, dict):
            below = cast("dict[object, object]", value).items()
            waiting += [(f"{name}.{key}" if name else str(key), part) for key, part in below]
    return dict(sorted(found.items()))


def _read_zip(content: bytes) -> object:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise _Refused("is compressed, which torch.save does not do")
        if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
            raise _Refused(f"holds more than {MAX_BYTES} bytes, the limit")
        (document,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        folder = document.removesuffix("data.pkl")
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise _Refused("has its bytes in the order of another machine")
        found = _follow(io.BytesIO(archive.read(document)))
        return _with_tensors(found, lambda storage: archive.read(f"{folder}data/{storage.key}"))


def _read_streams(content: bytes) -> object:
    file = io.BytesIO(content)
    if _follow(file) != _STREAM_MAGIC:
        raise _Refused("is a pickle that torch.save did not write")
    # The version of the format, and the sizes of the writer's integers.
    for _ in range(2):
        _follow(file)
    found = _follow(file)
    keys = cast("list[str]", _follow(file))
    dtypes = {view.storage.key: view.storage.dtype for view in _views_in(found)}
    numbers: dict[str, bytes] = {}
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        numbers[key] = file.read(count * dtypes[key].itemsize)
    return _with_tensors(found, lambda storage: numbers[storage.key])


@dataclass
class _Stack:
    """What has been said so far: values, where groups of them begin, and values to come back to."""

    values: list[object] = field(default_factory=list[object])
    marks: list[int] = field(default_factory=list[int])
    memory: dict[int, object] = field(default_factory=dict[int, object])

    def group(self) -> list[object]:
        """Everything since the last mark, taken off."""
        start = self.marks.pop()
        taken = self.values[start:]
        del self.values[start:]
        return taken

    def last(self, count: int) -> list[object]:
        """The last `count` values, taken off."""
        if len(self.values) < count:
            raise IndexError("the stack is empty")
        taken = self.values[-count:]
        del self.values[-count:]
        return taken


def _follow(file: io.BytesIO) -> object:
    """What one pickle in `file` says; the file is behind it then."""
    stack = _Stack()
    for operation, argument, _ in pickletools.genops(file):
        name = operation.name
        if name == "STOP":
            return stack.values.pop()
        if name in _LITERALS:
            stack.values.append(argument)
        elif name in _CONSTANTS:
            stack.values.append(_CONSTANTS[name]())
        elif name in _OPERATIONS:
            _OPERATIONS[name](stack, argument)
        elif name not in _SILENT:
            raise _Refused(f"holds more than tensors (it says {name})")
    raise EOFError


def _set_items(target: object, items: Sequence[object]) -> None:
    if not isinstance(target, dict):
        raise TypeError
    cast("dict[object, object]", target).update(zip(items[::2], items[1::2], strict=True))


def _extend(target: object, items: Sequence[object]) -> None:
    if not isinstance(target, list):
        raise TypeError
    cast("list[object]", target).extend(items)


def _set_group(stack: _Stack, _: object) -> None:
    items = stack.group()
    _set_items(stack.values[-1], items)


def _set_one(stack: _Stack, _: object) -> None:
    items = stack.last(2)
    _set_items(stack.values[-1], items)


def _append_group(stack: _Stack, _: object) -> None:
    items = stack.group()
    _extend(stack.values[-1], items)


def _append_one(stack: _Stack, _: object) -> None:
    items = stack.last(1)
    _extend(stack.values[-1], items)


def _remember(stack: _Stack, argument: object) -> None:
    place = len(stack.memory) if argument is None else cast("int", argument)
    stack.memory[place] = stack.values[-1]


def _name_of_two(stack: _Stack, _: object) -> None:
    module, name = stack.last(2)
    stack.values.append(_Name(f"{module} {name}"))


def _make(stack: _Stack, _: object) -> None:
    """What calling a name with arguments would give, for the few names that are known.

    A parameter is its tensor, and a set its list.
    """
    made_by, given = stack.last(2)
    arguments = cast("tuple[object, ...]", given)
    if not isinstance(made_by, _Name):
        raise TypeError
    if made_by.text in (_ORDERED_DICT, _PARAMETER_DICT) and not arguments:
        stack.values.append({})
    elif made_by.text == _TENSOR:
        stack.values.append(_view(arguments))
    elif made_by.text in (_PARAMETER, _SET):
        stack.values.append(arguments[0])
    else:
        raise _Refused(f"holds more than tensors (it names {made_by.text!r})")


def _fill(stack: _Stack, _: object) -> None:
    """The state of a ParameterDict: its parameters."""
    (state,) = stack.last(1)
    target = stack.values[-1]
    if not isinstance(state, dict) or not isinstance(target, dict):
        raise TypeError
    parameters = cast("dict[object, object]", state).get("_parameters", {})
    cast("dict[object, object]", target).update(cast("dict[object, object]", parameters))


def _refer(stack: _Stack, _: object) -> None:
    (reference,) = stack.last(1)
    kind, storage, key, *_rest = cast("tuple[object, ...]", reference)
    if kind != "storage" or not isinstance(storage, _Name) or storage.text not in _DTYPES:
        raise _Refused("refers to something that is no storage of numbers")
    stack.values.append(_Storage(_DTYPES[storage.text], str(key)))


def _view(arguments: tuple[object, ...]) -> _View:
    storage, offset, size, stride, *_rest = arguments
    if not isinstance(storage, _Storage):
        raise TypeError
    numbers = [cast("int", offset), *cast("tuple[int, ...]", size), *cast("tuple[int, ...]", stride)]
    if any(type(number) is not int or number < 0 for number in numbers):
        raise TypeError
    return _View(storage, numbers[0], cast("tuple[int, ...]", size), cast("tuple[int, ...]", stride))


_LITERALS: Final = frozenset(
    {"BINUNICODE", "SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
)
_SILENT: Final = frozenset({"PROTO", "FRAME"})
_CONSTANTS: Final[Mapping[str, Callable[[], object]]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
_OPERATIONS: Final[Mapping[str, Callable[[_Stack, object], None]]] = {
    "MARK": lambda stack, _: stack.marks.append(len(stack.values)),
    "TUPLE": lambda stack, _: stack.values.append(tuple(stack.group())),
    "TUPLE1": lambda stack, _: stack.values.append(tuple(stack.last(1))),
    "TUPLE2": lambda stack, _: stack.values.append(tuple(stack.last(2))),
    "TUPLE3": lambda stack, _: stack.values.append(tuple(stack.last(3))),
    "SETITEM": _set_one,
    "SETITEMS": _set_group,
    "APPEND": _append_one,
    "APPENDS": _append_group,
    "BINPUT": _remember,
    "LONG_BINPUT": _remember,
    "MEMOIZE": _remember,
    "BINGET": lambda stack, place: stack.values.append(stack.memory[cast("int", place)]),
    "LONG_BINGET": lambda stack, place: stack.values.append(stack.memory[cast("int", place)]),
    "GLOBAL": lambda stack, name: stack.values.append(_Name(str(name))),
    "STACK_GLOBAL": _name_of_two,
    "REDUCE": _make,
    "NEWOBJ": _make,
    "BUILD": _fill,
    "BINPERSID": _refer,
}


def _views_in(found: object) -> list[_View]:
    """The tensors of a document, each where it is first met."""
    views: list[_View] = []
    seen: set[int] = set()
    waiting = [found]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, _View):
            views.append(value)
        elif isinstance(value, dict):
            waiting += cast("dict[object, object]", value).values()
        elif isinstance(value, list | tuple):
            waiting += cast("Sequence[object]", value)
    return views


def _with_tensors(found: object, numbers_of: Callable[[_Storage], bytes]) -> object:
    """The document with its tensors in place."""
    made = {id(view): _tensor(view, numbers_of(view.storage)) for view in _views_in(found)}
    placed = 0

    def place(value: object, depth: int) -> object:
        # What is said once can be referred to many times, level upon level.
        nonlocal placed
        placed += 1
        if depth > _MAX_DEPTH or placed > _MAX_VALUES:
            raise _Refused(f"has more than {_MAX_DEPTH} levels or {_MAX_VALUES} values")
        if isinstance(value, _View):
            return made[id(value)]
        if isinstance(value, dict):
            return {key: place(part, depth + 1) for key, part in cast("dict[object, object]", value).items()}
        if isinstance(value, list | tuple):
            return [place(part, depth + 1) for part in cast("Sequence[object]", value)]
        return value

    return place(found, 0)


def _tensor(view: _View, numbers: bytes) -> Tensor:
    dtype = view.storage.dtype
    if len(view.size) != len(view.stride):
        raise ValueError("as many strides as sides are needed")
    if math.prod(view.size) > MAX_NUMBERS:
        raise _Refused(f"holds a tensor of more than {MAX_NUMBERS} numbers")
    if 0 in view.size:
        return torch.empty(view.size, dtype=dtype)
    end = view.offset + sum((side - 1) * step for side, step in zip(view.size, view.stride, strict=True)) + 1
    if end > len(numbers) // dtype.itemsize:
        raise ValueError("a tensor reaches beyond its numbers")
    flat = torch.frombuffer(bytearray(numbers[: end * dtype.itemsize]), dtype=dtype)
    return flat.as_strided(view.size, view.stride, view.offset).clone()
