"""`inspect`: what a weights file is."""

import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from engine.models.family import ModuleConfig
from engine.models.identify import identify
from engine.weights.header import TensorType, read_header

_DTYPES = {"F64": "fp64", "F32": "fp32", "F16": "fp16", "BF16": "bf16"}


def print_inspection(path: Path) -> None:
    """Print kind, family, configuration, dtype and size as one JSON line. Raises BadInput."""
    header = read_header(path)
    identity = identify(header.shapes, path.name)
    found = {
        "kind": identity.kind,
        "family": identity.family,
        "title": identity.title,
        "supported": identity.is_supported,
        "config": {name: _describe(part.config) for name, part in identity.parts.items()},
        "dtype": _main_dtype(header.tensors),
        "bytes": header.size_bytes,
    }
    sys.stdout.write(json.dumps(found) + "\n")


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
