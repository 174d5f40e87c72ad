"""`inspect`: what a weights file is."""

import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from engine.models.detect import Checkpoint, DetectedPart, detect_checkpoint
from engine.models.family import ModuleConfig
from engine.weights.header import TensorType, read_header

_DTYPES = {"F64": "fp64", "F32": "fp32", "F16": "fp16", "BF16": "bf16"}


def print_inspection(path: Path) -> None:
    """Print kind, family, configuration, dtype and size as one JSON line. Raises BadInput."""
    header = read_header(path)
    checkpoint = detect_checkpoint(header.shapes, path.name)
    found = {
        "kind": "checkpoint",
        "family": checkpoint.family.name,
        "config": {name: _describe(part.config) for name, part in _parts(checkpoint)},
        "dtype": _main_dtype(header.tensors),
        "bytes": header.size_bytes,
    }
    sys.stdout.write(json.dumps(found) + "\n")


def _parts(checkpoint: Checkpoint) -> Iterator[tuple[str, DetectedPart]]:
    """The checkpoint's networks by the names that people know them by."""
    yield "unet", checkpoint.unet
    for number, text in enumerate(checkpoint.texts):
        yield "clip" if number == 0 else f"clip_{number + 1}", text
    yield "vae", checkpoint.vae


def _describe(config: ModuleConfig) -> dict[str, object]:
    return (
        dataclasses.asdict(config)
        if dataclasses.is_dataclass(config) and not isinstance(config, type)
        else {}
    )


def _main_dtype(tensors: Mapping[str, TensorType]) -> str:
    """The dtype that most bytes are stored in."""
    sizes: Counter[str] = Counter()
    for tensor in tensors.values():
        sizes[tensor.dtype] += tensor.size_bytes
    (main, _), *_ = sizes.most_common(1)
    return _DTYPES.get(main, main.lower())
