"""Runs, their outputs, and the workers that do them."""

from typing import ClassVar

from django.db import models

from webapp.accounts.models import User
from webapp.assets.models import Asset
from webapp.common.fields import JsonTextField
from webapp.common.ids import new_id
from webapp.common.limits import MAX_CLIENT_REF_CHARS, MAX_IDEMPOTENCY_KEY_CHARS, MAX_NAME_CHARS
from webapp.workspaces.models import Workspace

MAX_NODE_ID_CHARS = 200


class Status(models.TextChoices):
    """Where a run stands. The last four are final, but for `held`, which waits for a person."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    HELD = "held"


ACTIVE = (Status.RUNNING, Status.CANCELLING)


class Worker(models.Model):
    """One agent with one device. Its liveness is here, not on the runs that it holds."""

    name = models.CharField(max_length=MAX_NAME_CHARS, unique=True)
    # Every start under a name takes the next epoch; what an earlier one held is lost to it.
    epoch = models.PositiveIntegerField(default=0)
    heartbeat_at = models.DateTimeField()
    started_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} (epoch {self.epoch})"


class Run(models.Model):
    """One execution of a graph. This row is the truth about it; messages are hints."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="runs")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    prompt = JsonTextField()
    workflow = JsonTextField(null=True)
    client_ref = models.CharField(max_length=MAX_CLIENT_REF_CHARS, blank=True)
    idempotency_key = models.CharField(max_length=MAX_IDEMPOTENCY_KEY_CHARS, null=True)  # noqa: DJ001  NULLs differ
    request_digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    # The fencing token: every write of an attempt names it, and writes nothing once it is stale.
    attempt = models.PositiveIntegerField(default=0)
    worker = models.ForeignKey(Worker, null=True, on_delete=models.SET_NULL, related_name="runs")
    worker_epoch = models.PositiveIntegerField(default=0)
    # How many workers were lost with this run in their hands.
    losses = models.PositiveIntegerField(default=0)

    # The number of the last event that clients were told.
    event_seq = models.PositiveIntegerField(default=1)
    nodes_done = models.PositiveIntegerField(default=0)
    nodes_total = models.PositiveIntegerField(default=0)
    current_node = models.CharField(max_length=MAX_NODE_ID_CHARS, blank=True)
    current_value = models.PositiveIntegerField(default=0)
    current_max = models.PositiveIntegerField(default=0)
    error = JsonTextField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["workspace", "created_by", "idempotency_key"], name="one_run_per_idempotency_key"
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["workspace", "-id"], name="run_listing"),
            models.Index(fields=["id"], condition=models.Q(status=Status.QUEUED), name="run_queue"),
            models.Index(fields=["worker"], condition=models.Q(status__in=ACTIVE), name="run_leases"),
        ]

    def __str__(self) -> str:
        return f"run {self.id} ({self.status})"


class RunOutput(models.Model):
    """One thing that a run brought out: the asset, and which node made it."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="outputs")
    node = models.CharField(max_length=MAX_NODE_ID_CHARS)
    index = models.PositiveIntegerField()
    kind = models.CharField(max_length=20)
    purpose = models.CharField(max_length=20)
    is_cached = models.BooleanField(default=False)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="run_outputs")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["run", "node", "index"], name="one_output_per_place")
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.node}[{self.index}]"
