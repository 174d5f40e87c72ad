"""Reading workflows."""

from django.db.models import OuterRef, Subquery

from webapp.common.errors import NotFound
from webapp.common.ids import parse_id
from webapp.common.paging import Page, page_of
from webapp.workflows.models import Workflow, WorkflowVersion
from webapp.workspaces.models import Workspace


def list_workflows(workspace: Workspace, *, cursor: str | None, limit: int) -> Page[Workflow]:
    """Workflows, newest first."""
    return page_of(Workflow.objects.filter(workspace=workspace), cursor, limit)


def get_workflow(workspace: Workspace, workflow_id: str) -> Workflow:
    """The workflow of this id. Raises NotFound."""
    key = parse_id(workflow_id)
    rows = Workflow.objects.filter(workspace=workspace).select_related("workspace")
    workflow = rows.filter(pk=key).first() if key else None
    if workflow is None:
        raise NotFound(f"There is no workflow {workflow_id!r} in this workspace.")
    return workflow


def latest_versions(workflows: list[Workflow]) -> dict[str, WorkflowVersion]:
    """The latest version of each workflow, by the workflow's id, without their documents."""
    newest = WorkflowVersion.objects.filter(workflow=OuterRef("workflow")).order_by("-number")
    rows = (
        WorkflowVersion.objects.filter(workflow__in=workflows, number=Subquery(newest.values("number")[:1]))
        .select_related("author")
        .defer("document", "prompt")
    )
    return {str(row.workflow_id): row for row in rows}


def list_versions(workflow: Workflow) -> list[WorkflowVersion]:
    """All versions, newest first, without their documents."""
    return list(workflow.versions.order_by("-number").select_related("author").defer("document", "prompt"))


def get_version(workflow: Workflow, number: int | None) -> WorkflowVersion:
    """Version `number`, or the latest for None. Raises NotFound."""
    rows = workflow.versions.order_by("-number").select_related("author")
    version = (rows if number is None else rows.filter(number=number)).first()
    if version is None:
        raise NotFound(f"{workflow.name} has no version {number}.")
    return version
