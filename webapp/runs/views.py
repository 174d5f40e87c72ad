"""Runs and the node catalog over HTTP."""

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Header, Query, Router, Status

from webapp.accounts.sessions import signed_in
from webapp.common.api import READ_PROBLEMS, WRITE_PROBLEMS
from webapp.common.limits import MAX_IDEMPOTENCY_KEY_CHARS, MAX_PAGE_ITEMS, PAGE_ITEMS
from webapp.runs.catalog import catalog_for
from webapp.runs.models import Run
from webapp.runs.schemas import (
    CatalogOut,
    NewRun,
    RunDetail,
    RunErrorOut,
    RunOut,
    RunPage,
    run_detail,
    run_out,
)
from webapp.runs.selectors import get_run, list_runs, outputs_of, position_of
from webapp.runs.services import cancel_run, start_run
from webapp.workspaces.rights import Right
from webapp.workspaces.selectors import get_workspace

router = Router(tags=["runs"])


@router.get("/workspaces/{slug}/catalog", response={200: CatalogOut, **READ_PROBLEMS})
def read_catalog(request: HttpRequest, slug: str) -> HttpResponse:
    """All kinds of node with the files that this workspace can choose. Has an ETag."""
    workspace = get_workspace(signed_in(request), slug)
    return catalog_for(workspace).answer(request.headers.get("If-None-Match"))


@router.post("/workspaces/{slug}/runs", response={201: RunOut, 200: RunOut, **WRITE_PROBLEMS})
def create_run(
    request: HttpRequest,
    slug: str,
    payload: NewRun,
    idempotency_key: Annotated[
        str | None, Header(alias="Idempotency-Key", min_length=1, max_length=MAX_IDEMPOTENCY_KEY_CHARS)
    ] = None,
) -> Status[RunOut]:
    """Queue a run. The same key and body again: the same run, 200. The same key, another body: 409.

    It is for all outputs of the graph that can run; `problems` says what is wrong with the others.
    """
    user = signed_in(request)
    started = start_run(
        user=user, workspace=get_workspace(user, slug), request=payload, idempotency_key=idempotency_key
    )
    document = _document(started.run)
    document.problems = tuple(map(RunErrorOut.model_validate, started.faults))
    return Status(201 if started.is_new else 200, document)


@router.get("/workspaces/{slug}/runs", response={200: RunPage, **READ_PROBLEMS})
def read_runs(
    request: HttpRequest,
    slug: str,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_ITEMS)] = PAGE_ITEMS,
) -> RunPage:
    """Runs, newest first."""
    page = list_runs(get_workspace(signed_in(request), slug), cursor=cursor, limit=limit)
    return RunPage(items=[run_out(run, outputs_of(run)) for run in page.items], next_cursor=page.next_cursor)


@router.get("/workspaces/{slug}/runs/{run_id}", response={200: RunDetail, **READ_PROBLEMS})
def read_run(request: HttpRequest, slug: str, run_id: str) -> RunDetail:
    """One run with its graph."""
    run = get_run(get_workspace(signed_in(request), slug), run_id)
    return run_detail(run, outputs_of(run), position_of(run))


@router.post("/workspaces/{slug}/runs/{run_id}/cancel", response={200: RunOut, **WRITE_PROBLEMS})
def cancel(request: HttpRequest, slug: str, run_id: str) -> RunOut:
    """Cancel a run: at once while it waits, within one step while it runs. Does nothing to a finished one."""
    user = signed_in(request)
    workspace = get_workspace(user, slug, Right.RUN)
    return _document(cancel_run(user=user, run=get_run(workspace, run_id)))


def _document(run: Run) -> RunOut:
    return run_out(run, outputs_of(run), position_of(run))
