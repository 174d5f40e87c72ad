"""Workflows and their versions."""

from typing import ClassVar

from django.db import models

from webapp.accounts.models import User
from webapp.common.fields import JsonTextField
from webapp.common.ids import new_id
from webapp.common.limits import MAX_MESSAGE_CHARS, MAX_NAME_CHARS
from webapp.workspaces.models import Workspace


class Workflow(models.Model):
    """A named graph that a workspace keeps."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="workflows")
    name = models.CharField(max_length=MAX_NAME_CHARS)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name


class WorkflowVersion(models.Model):
    """One state of a workflow, numbered from 1, never changed."""

    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    document = JsonTextField()
    prompt = JsonTextField(null=True)
    message = models.CharField(max_length=MAX_MESSAGE_CHARS, blank=True)
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workflow", "number"], name="one_version_per_number")
        ]

    def __str__(self) -> str:
        return f"{self.workflow_id} v{self.number}"
