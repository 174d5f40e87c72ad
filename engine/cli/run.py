"""`run`: one prompt, from a file to files."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine.api import (
    BadInput,
    Event,
    Graph,
    GraphInvalid,
    ModelFolders,
    Output,
    Progress,
    RunnerSettings,
    find_workflow,
    load_catalog,
    open_runner,
    parse_prompt,
    read_json,
    validate,
)
from engine.cli.folders import ShellFiles, store_output


@dataclass(frozen=True)
class RunOptions:
    """The arguments of `run`."""

    prompt: Path
    models: Path
    inputs: Path
    outputs: Path
    device: str
    dtype: str


def run_prompt(options: RunOptions, is_cancelled: Callable[[], bool]) -> None:
    """Run the prompt and print where its outputs are. Previews are neither written nor listed.

    Raises EngineError.
    """
    document = read_json(_read_prompt(options.prompt))
    graph = parse_prompt(document)
    models = ModelFolders((_existing_folder(options.models),))
    files = ShellFiles(models, _existing_folder(options.inputs), options.outputs)
    if problems := validate(graph, load_catalog(), files):
        raise GraphInvalid(problems)
    runner = open_runner(RunnerSettings(models, options.device, options.dtype))
    reporter = _Reporter(graph, options.outputs)
    runner.run(
        graph,
        scope="shell",
        workflow=find_workflow(document),
        is_cancelled=is_cancelled,
        find_input=files.find_input,
        on_event=reporter.on_event,
    )
    sys.stdout.write(json.dumps({"outputs": reporter.written}) + "\n")
    sys.stdout.flush()


@dataclass
class _Reporter:
    """Writes outputs as they come, and progress for people who watch."""

    graph: Graph
    root: Path
    written: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def on_event(self, event: Event) -> None:
        match event:
            case Output(node, _, file, _) if file.purpose == "output":
                self.written.append({"node": node, "path": str(store_output(self.root, file))})
            case Progress(node, value, total) if sys.stderr.isatty():
                end = "\n" if value == total else ""
                sys.stderr.write(f"\r{self.graph.describe(node)}: {value}/{total}{end}")
                sys.stderr.flush()
            case _:
                pass


def _read_prompt(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise BadInput(f"the prompt {path} cannot be read: {problem.strerror}") from problem


def _existing_folder(path: Path) -> Path:
    if not path.is_dir():
        raise BadInput(f"there is no folder {path}")
    return path
