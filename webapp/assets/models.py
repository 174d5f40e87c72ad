"""Assets: one row for each distinct content in a workspace."""

from typing import ClassVar

from django.db import models

from webapp.accounts.models import User
from webapp.common.ids import new_id
from webapp.common.limits import MAX_NAME_CHARS
from webapp.workspaces.models import Workspace


class Source(models.TextChoices):
    """Where an asset came from first."""

    UPLOAD = "upload"
    RUN = "run"


class Asset(models.Model):
    """Stored bytes under `workspace id / sha256`, with the name by which people and graphs call them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="assets")
    name = models.CharField(max_length=MAX_NAME_CHARS)
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=60)
    size_bytes = models.BigIntegerField()
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    source = models.CharField(max_length=10, choices=Source.choices)
    # Previews are kept like pictures and shown with their run, but no list offers them.
    is_temporary = models.BooleanField(default=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    run = models.ForeignKey("runs.Run", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "sha256"], name="one_asset_per_content"),
            models.UniqueConstraint(fields=["workspace", "name"], name="one_asset_per_name"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["workspace", "-id"], condition=models.Q(is_temporary=False), name="asset_listing"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def storage_key(self) -> str:
        """Where the bytes lie in the storage."""
        return storage_key(str(self.workspace_id), self.sha256)


def storage_key(workspace_id: str, sha256: str) -> str:
    """The key of a content. Tenants share no bytes: a shared store would tell who else has a file."""
    return f"{workspace_id}/{sha256}"
