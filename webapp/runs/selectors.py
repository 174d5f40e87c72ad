"""Reading runs."""

from django.db.models import Prefetch, QuerySet

from webapp.common.errors import NotFound
from webapp.common.ids import parse_id
from webapp.common.paging import Page, page_of
from webapp.runs.models import Run, RunOutput, Status
from webapp.workspaces.models import Workspace


def list_runs(workspace: Workspace, *, cursor: str | None, limit: int) -> Page[Run]:
    """Runs with their outputs, newest first, without their graphs."""
    rows = _with_outputs(Run.objects.filter(workspace=workspace)).defer("prompt", "workflow")
    return page_of(rows, cursor, limit)


def get_run(workspace: Workspace, run_id: str) -> Run:
    """The run of this id with its outputs. Raises NotFound."""
    key = parse_id(run_id)
    rows = _with_outputs(Run.objects.filter(workspace=workspace))
    run = rows.filter(pk=key).first() if key else None
    if run is None:
        raise NotFound(f"There is no run {run_id!r} in this workspace.")
    return run


def outputs_of(run: Run) -> list[RunOutput]:
    """The outputs of `run` with their assets, in the order of their making."""
    return list(run.outputs.all())


def position_of(run: Run) -> int | None:
    """How many runs are before this one in the queue, or None when it does not wait."""
    if run.status != Status.QUEUED:
        return None
    return Run.objects.filter(status=Status.QUEUED, pk__lt=run.pk).count()


def _with_outputs(rows: "QuerySet[Run]") -> "QuerySet[Run]":
    outputs = RunOutput.objects.select_related("asset").order_by("pk")
    return rows.prefetch_related(Prefetch("outputs", queryset=outputs))
