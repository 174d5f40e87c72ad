"""Saving workflows."""

from collections.abc import Mapping

from django.db import transaction

from webapp.accounts.models import User
from webapp.common.errors import Conflict, Fault, Invalid
from webapp.workflows.models import Workflow, WorkflowVersion
from webapp.workspaces.models import Workspace
from webapp.workspaces.rights import Right, require

Document = Mapping[str, object]


@transaction.atomic
def create_workflow(
    *, user: User, workspace: Workspace, name: str, document: Document, prompt: Document | None, message: str
) -> WorkflowVersion:
    """The first version of a new workflow. Raises NotAllowed, Invalid."""
    require(user, workspace, Right.SAVE_WORKFLOW)
    workflow = Workflow.objects.create(workspace=workspace, name=_checked_name(name), created_by=user)
    return WorkflowVersion.objects.create(
        workflow=workflow, number=1, document=document, prompt=prompt, message=message, author=user
    )


@transaction.atomic
def save_version(
    *, user: User, workflow: Workflow, document: Document, message: str, base: int | None
) -> WorkflowVersion:
    """The next version. Raises NotAllowed, and Conflict if `base` is given and not the latest number."""
    require(user, workflow.workspace, Right.SAVE_WORKFLOW)
    Workflow.objects.select_for_update().get(pk=workflow.pk)
    latest = workflow.versions.latest("number").number
    if base is not None and base != latest:
        raise Conflict(f"Somebody saved version {latest} meanwhile; yours is based on {base}.")
    version = WorkflowVersion.objects.create(
        workflow=workflow, number=latest + 1, document=document, message=message, author=user
    )
    workflow.save(update_fields=["updated_at"])
    return version


@transaction.atomic
def rename_workflow(*, user: User, workflow: Workflow, name: str) -> Workflow:
    """The workflow under its new name. Raises NotAllowed, Invalid."""
    require(user, workflow.workspace, Right.SAVE_WORKFLOW)
    workflow.name = _checked_name(name)
    workflow.save(update_fields=["name", "updated_at"])
    return workflow


def _checked_name(name: str) -> str:
    stripped = name.strip()
    if not stripped:
        raise Invalid(
            "Give the workflow a name.", [Fault(None, "name", "missing", "Give the workflow a name.")]
        )
    return stripped
