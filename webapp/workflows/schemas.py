"""What the workflow API speaks. Documents are opaque: objects of limited size."""

from datetime import datetime
from uuid import UUID

from ninja import Schema
from pydantic import Field

from webapp.common.limits import MAX_MESSAGE_CHARS, MAX_NAME_CHARS
from webapp.workflows.models import Workflow, WorkflowVersion


class NewWorkflow(Schema):
    """A graph to keep under a name."""

    name: str = Field(max_length=MAX_NAME_CHARS)
    document: dict[str, object]
    prompt: dict[str, object] | None = None
    message: str = Field("", max_length=MAX_MESSAGE_CHARS)


class NewVersion(Schema):
    """The next state of a workflow; `base` is the number it was made from."""

    document: dict[str, object]
    message: str = Field("", max_length=MAX_MESSAGE_CHARS)
    base: int | None = None


class WorkflowPatch(Schema):
    """What can be changed of a workflow itself."""

    name: str = Field(max_length=MAX_NAME_CHARS)


class VersionSummary(Schema):
    """A version without its document."""

    number: int
    created_at: datetime
    message: str
    author: str | None


class VersionOut(VersionSummary):
    """A version with its document."""

    document: dict[str, object]


class WorkflowSummary(Schema):
    """A workflow as lists show it."""

    id: UUID
    name: str
    created_at: datetime
    updated_at: datetime
    latest: VersionSummary


class WorkflowOut(Schema):
    """A workflow with its latest document."""

    id: UUID
    name: str
    created_at: datetime
    updated_at: datetime
    latest: VersionOut


class WorkflowPage(Schema):
    """Workflows, newest first."""

    items: list[WorkflowSummary]
    next_cursor: str | None


class VersionList(Schema):
    """All versions of a workflow, newest first."""

    items: list[VersionSummary]


def version_summary(version: WorkflowVersion) -> VersionSummary:
    """The document of `version` without the graph."""
    return VersionSummary(
        number=version.number,
        created_at=version.created_at,
        message=version.message,
        author=None if version.author is None else str(version.author),
    )


def version_out(version: WorkflowVersion) -> VersionOut:
    """The document of `version` with the graph."""
    return VersionOut(**version_summary(version).model_dump(), document=version.document)


def workflow_summary(workflow: Workflow, latest: WorkflowVersion) -> WorkflowSummary:
    """The document of `workflow` for lists."""
    return WorkflowSummary(
        id=workflow.id,
        name=workflow.name,
        created_at=workflow.created_at,
        updated_at=workflow.updated_at,
        latest=version_summary(latest),
    )


def workflow_out(workflow: Workflow, latest: WorkflowVersion) -> WorkflowOut:
    """The document of `workflow` with its latest graph."""
    return WorkflowOut(
        id=workflow.id,
        name=workflow.name,
        created_at=workflow.created_at,
        updated_at=workflow.updated_at,
        latest=version_out(latest),
    )
