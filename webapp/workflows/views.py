"""Workflows over HTTP."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Path, Query, Router, Status

from webapp.accounts.sessions import signed_in
from webapp.common.api import READ_PROBLEMS, WRITE_PROBLEMS
from webapp.common.limits import MAX_PAGE_ITEMS, PAGE_ITEMS
from webapp.workflows.schemas import (
    NewVersion,
    NewWorkflow,
    VersionList,
    VersionOut,
    WorkflowOut,
    WorkflowPage,
    WorkflowPatch,
    version_out,
    version_summary,
    workflow_out,
    workflow_summary,
)
from webapp.workflows.selectors import (
    get_version,
    get_workflow,
    latest_versions,
    list_versions,
    list_workflows,
)
from webapp.workflows.services import create_workflow, rename_workflow, save_version
from webapp.workspaces.selectors import get_workspace

router = Router(tags=["workflows"])
# The largest number that both databases' integer columns hold.
MAX_VERSION = 2_147_483_647


@router.post("/workspaces/{slug}/workflows", response={201: WorkflowOut, **WRITE_PROBLEMS})
def create(request: HttpRequest, slug: str, payload: NewWorkflow) -> Status[WorkflowOut]:
    """Keep a graph under a name."""
    user = signed_in(request)
    version = create_workflow(
        user=user,
        workspace=get_workspace(user, slug),
        name=payload.name,
        document=payload.document,
        prompt=payload.prompt,
        message=payload.message,
    )
    return Status(201, workflow_out(version.workflow, version))


@router.get("/workspaces/{slug}/workflows", response={200: WorkflowPage, **READ_PROBLEMS})
def read_workflows(
    request: HttpRequest,
    slug: str,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_ITEMS)] = PAGE_ITEMS,
) -> WorkflowPage:
    """Workflows, newest first, without their documents."""
    page = list_workflows(get_workspace(signed_in(request), slug), cursor=cursor, limit=limit)
    latest = latest_versions(page.items)
    items = [workflow_summary(workflow, latest[str(workflow.id)]) for workflow in page.items]
    return WorkflowPage(items=items, next_cursor=page.next_cursor)


@router.get("/workspaces/{slug}/workflows/{workflow_id}", response={200: WorkflowOut, **READ_PROBLEMS})
def read_workflow(request: HttpRequest, slug: str, workflow_id: str) -> WorkflowOut:
    """A workflow with its latest document."""
    workflow = get_workflow(get_workspace(signed_in(request), slug), workflow_id)
    return workflow_out(workflow, get_version(workflow, None))


@router.patch("/workspaces/{slug}/workflows/{workflow_id}", response={200: WorkflowOut, **WRITE_PROBLEMS})
def rename(request: HttpRequest, slug: str, workflow_id: str, payload: WorkflowPatch) -> WorkflowOut:
    """Rename a workflow."""
    user = signed_in(request)
    workflow = get_workflow(get_workspace(user, slug), workflow_id)
    renamed = rename_workflow(user=user, workflow=workflow, name=payload.name)
    return workflow_out(renamed, get_version(renamed, None))


@router.post(
    "/workspaces/{slug}/workflows/{workflow_id}/versions", response={201: VersionOut, **WRITE_PROBLEMS}
)
def add_version(request: HttpRequest, slug: str, workflow_id: str, payload: NewVersion) -> Status[VersionOut]:
    """Save the next version; 409 if somebody saved since `base`."""
    user = signed_in(request)
    version = save_version(
        user=user,
        workflow=get_workflow(get_workspace(user, slug), workflow_id),
        document=payload.document,
        message=payload.message,
        base=payload.base,
    )
    return Status(201, version_out(version))


@router.get(
    "/workspaces/{slug}/workflows/{workflow_id}/versions", response={200: VersionList, **READ_PROBLEMS}
)
def read_versions(request: HttpRequest, slug: str, workflow_id: str) -> VersionList:
    """All versions, newest first, without their documents."""
    workflow = get_workflow(get_workspace(signed_in(request), slug), workflow_id)
    return VersionList(items=[version_summary(version) for version in list_versions(workflow)])


@router.get(
    "/workspaces/{slug}/workflows/{workflow_id}/versions/{number}",
    response={200: VersionOut, **READ_PROBLEMS},
)
def read_version(
    request: HttpRequest, slug: str, workflow_id: str, number: Annotated[int, Path(ge=1, le=MAX_VERSION)]
) -> VersionOut:
    """One version with its document."""
    workflow = get_workflow(get_workspace(signed_in(request), slug), workflow_id)
    return version_out(get_version(workflow, number))
