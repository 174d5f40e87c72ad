"""python -m tests.engine.models.sample_layouts FOLDER: renews fixtures/layouts.json.

FOLDER has one JSON file (gzipped) a model file, with the shape of each tensor under "keys". A few tensors of
each are kept: those that tell kinds of files apart, and some at regular distances.
"""

import gzip
import json
import sys
from pathlib import Path

from engine.models.known import DENOISERS, PARTS, PREFIXES

FIXTURE = Path(__file__).parent / "fixtures" / "layouts.json"
REGULAR = 6


def sample(shapes: dict[str, list[int]]) -> dict[str, list[int]]:
    """The tensors to keep of one file."""
    marks = {
        prefix + mark.name for kind in (*DENOISERS, *PARTS) for mark in kind.marks for prefix in PREFIXES
    }
    names = sorted(shapes)
    kept = {*names[:: max(1, len(names) // REGULAR)], *(marks & shapes.keys())}
    return {name: shapes[name] for name in sorted(kept)}


def main() -> None:
    """Write the fixture."""
    layouts = {
        path.name.removesuffix(".json.gz"): sample(json.loads(gzip.decompress(path.read_bytes()))["keys"])
        for path in sorted(Path(sys.argv[1]).glob("*.json.gz"))
    }
    lines = (f"{json.dumps(name)}: {json.dumps(layout)}" for name, layout in layouts.items())
    FIXTURE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
