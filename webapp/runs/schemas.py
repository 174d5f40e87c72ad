"""What the run API and the websocket speak."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from webapp.assets.schemas import AssetOut, asset_out
from webapp.common.limits import MAX_CLIENT_REF_CHARS
from webapp.runs.models import Run, RunOutput, Status


class NewRun(Schema):
    """A graph to execute: `prompt` in API form; `workflow`, as the editor saves it, goes into pictures."""

    prompt: dict[str, object]
    workflow: dict[str, object] | None = None
    client_ref: str = Field("", max_length=MAX_CLIENT_REF_CHARS)


class ProgressOut(Schema):
    """How far a run is: nodes done of all, and steps of the node at work."""

    done: int
    total: int
    node: str | None
    value: int
    max: int


class OutputOut(Schema):
    """One output of a run."""

    node: str
    index: int
    kind: str
    purpose: str
    cached: bool
    asset: AssetOut


class RunErrorOut(Schema):
    """Why a run failed, in words for people."""

    node: str | None
    input: str | None
    code: str
    message: str


class RunOut(Schema):
    """One execution of a graph. `seq` is the number of the last event that this state includes.

    `problems`: what keeps some of the graph's outputs from running. Told once, to whoever starts the run.
    """

    id: UUID
    status: Status
    seq: int
    attempt: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    client_ref: str
    created_by: UUID | None
    progress: ProgressOut
    outputs: list[OutputOut]
    error: RunErrorOut | None
    position: int | None = None
    problems: tuple[RunErrorOut, ...] = ()


class RunDetail(RunOut):
    """A run with the graph that it executes."""

    prompt: dict[str, object]
    workflow: dict[str, object] | None


class RunPage(Schema):
    """Runs, newest first."""

    items: list[RunOut]
    next_cursor: str | None


class CatalogInput(Schema):
    """One input of a node: a port, or a widget with its range."""

    name: str
    type: str
    required: bool
    default: object = None
    min: float | None = None
    max: float | None = None
    step: float | None = None
    round: float | None = None
    multiline: bool | None = None
    dynamic_prompts: bool | None = None
    is_path: bool | None = None
    choices: list[str] | None = None
    files: str | None = None
    upload: Literal["image"] | None = None
    control_after_generate: bool | None = None
    is_list: bool | None = None
    lazy: bool | None = None
    tooltip: str | None = None


class CatalogOutput(Schema):
    """One output port of a node."""

    name: str
    type: str
    is_list: bool


class CatalogNode(Schema):
    """A kind of node."""

    name: str
    title: str
    category: str
    description: str
    is_output: bool
    inputs: list[CatalogInput]
    outputs: list[CatalogOutput]


class DefaultWorkflow(Schema):
    """The graph that a new workflow begins with, in API form."""

    title: str
    prompt: dict[str, object]


class CatalogOut(Schema):
    """All kinds of node, and the files that their choices offer by folder."""

    version: int
    nodes: list[CatalogNode]
    files: dict[str, list[str]]
    default_workflow: DefaultWorkflow


def run_out(run: Run, outputs: list[RunOutput], position: int | None = None) -> RunOut:
    """The document of `run`; `outputs` come with their assets."""
    return RunOut(
        id=run.id,
        status=Status(run.status),
        seq=run.event_seq,
        attempt=run.attempt,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        client_ref=run.client_ref,
        created_by=run.created_by_id,
        progress=progress_out(run),
        outputs=[output_out(output) for output in outputs],
        error=None if run.error is None else RunErrorOut.model_validate(run.error),
        position=position,
    )


def run_detail(run: Run, outputs: list[RunOutput], position: int | None) -> RunDetail:
    """The document of `run` with its graph."""
    summary = run_out(run, outputs, position)
    return RunDetail(**dict(summary), prompt=run.prompt, workflow=run.workflow)


def progress_out(run: Run) -> ProgressOut:
    """How far `run` is."""
    return ProgressOut(
        done=run.nodes_done,
        total=run.nodes_total,
        node=run.current_node or None,
        value=run.current_value,
        max=run.current_max,
    )


def output_out(output: RunOutput) -> OutputOut:
    """The document of `output`."""
    return OutputOut(
        node=output.node,
        index=output.index,
        kind=output.kind,
        purpose=output.purpose,
        cached=output.is_cached,
        asset=asset_out(output.asset),
    )
