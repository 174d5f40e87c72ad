"""The only door into the engine for the service. Importing it loads no torch; calling `open_runner` does."""

import json
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from typing import Protocol

from engine.errors import (
    BadInput,
    Cancelled,
    EngineError,
    GraphInvalid,
    InputUnreadable,
    NodeFailed,
    OutOfMemory,
    Problem,
    UnsupportedCheckpoint,
    WeightsUnreadable,
)
from engine.graph.catalog import Catalog
from engine.graph.context import InputFile
from engine.graph.document import Graph, Link, NodeCall
from engine.graph.events import (
    Event,
    NodeBlocked,
    NodeCached,
    NodeFinished,
    NodeStarted,
    Output,
    OutputFile,
    Preview,
    Progress,
)
from engine.graph.executor import RunResult
from engine.graph.folders import FileIndex, ModelFolders, find_path_fault
from engine.graph.formats.api_prompt import find_workflow, parse_prompt, read_json
from engine.graph.limits import (
    MAX_EDGES,
    MAX_INPUT_BYTES,
    MAX_NODES,
    MAX_PICTURE_PIXELS,
    MAX_PROMPT_BYTES,
)
from engine.graph.schema import InputSchema, NodeSchema, OutputSchema
from engine.graph.settings import RunnerSettings
from engine.graph.validate import Verdict, find_outputs, judge, validate

__all__ = [
    "CATALOG_FILE",
    "DEMO_MODELS",
    "MAX_EDGES",
    "MAX_INPUT_BYTES",
    "MAX_NODES",
    "MAX_PICTURE_PIXELS",
    "MAX_PROMPT_BYTES",
    "BadInput",
    "Cancelled",
    "Catalog",
    "EngineError",
    "Event",
    "FileIndex",
    "Graph",
    "GraphInvalid",
    "InputFile",
    "InputSchema",
    "InputUnreadable",
    "Link",
    "ModelFolders",
    "NodeBlocked",
    "NodeCached",
    "NodeCall",
    "NodeFailed",
    "NodeFinished",
    "NodeSchema",
    "NodeStarted",
    "OutOfMemory",
    "Output",
    "OutputFile",
    "OutputSchema",
    "Preview",
    "Problem",
    "Progress",
    "RunResult",
    "Runner",
    "RunnerSettings",
    "UnsupportedCheckpoint",
    "Verdict",
    "WeightsUnreadable",
    "find_outputs",
    "find_path_fault",
    "find_workflow",
    "judge",
    "load_catalog",
    "open_runner",
    "parse_prompt",
    "read_json",
    "validate",
]

CATALOG_FILE = Path(__file__).with_name("catalog.json")
# Laid out as a models folder: what ships with Atelier.
DEMO_MODELS = Path(__file__).parent / "demo" / "models"


class Runner(Protocol):
    """What `open_runner` gives; see engine/runner.py."""

    def run(  # noqa: PLR0913 -- each is one fact about the run
        self,
        graph: Graph,
        *,
        scope: str,
        workflow: object | None,
        is_cancelled: Callable[[], bool],
        find_input: Callable[[str], InputFile],
        on_event: Callable[[Event], None],
        targets: Collection[str] | None = None,
    ) -> RunResult:
        """Run the output nodes of `graph` that are valid. Raises GraphInvalid, NodeFailed, Cancelled."""
        ...


@cache
def load_catalog() -> Catalog:
    """All nodes of the engine, as generated from their functions into engine/catalog.json."""
    return Catalog.from_json(json.loads(CATALOG_FILE.read_text(encoding="utf-8")))


def open_runner(settings: RunnerSettings) -> Runner:
    """A runner on the device of `settings`. Loads torch. Raises BadInput for a device that is not there."""
    from engine.runner import Runner as TorchRunner

    return TorchRunner(settings)
