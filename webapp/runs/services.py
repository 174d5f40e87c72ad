"""What people do with runs: start and cancel them."""

import hashlib
import json
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from engine import api as engine
from webapp.accounts.models import User
from webapp.common.errors import Conflict, Fault, Invalid
from webapp.runs.bell import ring_workers
from webapp.runs.catalog import WorkspaceFiles
from webapp.runs.feed import announce_run
from webapp.runs.models import Run, Status
from webapp.runs.schemas import NewRun
from webapp.workspaces.models import Workspace
from webapp.workspaces.rights import Right, require


@dataclass(frozen=True)
class Started:
    """The run, whether the call made it, and what keeps some of its outputs from running."""

    run: Run
    is_new: bool
    faults: tuple[Fault, ...] = ()


def start_run(*, user: User, workspace: Workspace, request: NewRun, idempotency_key: str | None) -> Started:
    """Queue one run of the outputs that can run.

    Raises NotAllowed, Invalid with all faults of the graph if none can, Conflict for a used key.
    """
    require(user, workspace, Right.RUN)
    digest = _digest(request)
    known = _find_by_key(user, workspace, idempotency_key, digest)
    if known is not None:
        return Started(known, is_new=False)
    faults = check_prompt(workspace, request.prompt)
    run = Run(
        workspace=workspace,
        created_by=user,
        prompt=request.prompt,
        workflow=request.workflow,
        client_ref=request.client_ref,
        idempotency_key=idempotency_key,
        request_digest=digest,
        nodes_total=len(request.prompt),
    )
    try:
        _queue(run)
    except IntegrityError:
        # The same request came twice at once, and the other one was first.
        known = _find_by_key(user, workspace, idempotency_key, digest)
        if known is None:
            raise
        return Started(known, is_new=False)
    return Started(run, is_new=True, faults=faults)


def check_prompt(workspace: Workspace, prompt: dict[str, object]) -> tuple[Fault, ...]:
    """What keeps some outputs of `prompt` from running here. Raises Invalid with all that if none can run."""
    try:
        verdict = engine.judge(engine.parse_prompt(prompt), engine.load_catalog(), WorkspaceFiles(workspace))
    except engine.GraphInvalid as error:
        verdict = engine.Verdict((), error.problems)
    faults = tuple(
        Fault(problem.node, problem.input, problem.code, problem.message) for problem in verdict.problems
    )
    if not verdict.outputs:
        raise Invalid(f"The graph cannot run: {faults[0].message}", faults)
    return faults


@transaction.atomic
def cancel_run(*, user: User, run: Run) -> Run:
    """Cancel: at once while the run waits, otherwise as soon as its worker hears of it. Raises NotAllowed."""
    right = Right.RUN if run.created_by_id == user.pk else Right.CANCEL_ANY_RUN
    require(user, run.workspace, right)
    rows = Run.objects.filter(pk=run.pk)
    waiting = rows.filter(status__in=(Status.QUEUED, Status.HELD))
    if waiting.update(status=Status.CANCELLED, finished_at=Now(), event_seq=F("event_seq") + 1):
        transaction.on_commit(lambda: announce_run(run.pk))
    else:
        # The worker tells the watchers: it alone knows which event number is next.
        rows.filter(status=Status.RUNNING).update(status=Status.CANCELLING)
    run.refresh_from_db()
    return run


@transaction.atomic
def _queue(run: Run) -> None:
    run.save(force_insert=True)
    transaction.on_commit(ring_workers)
    transaction.on_commit(lambda: announce_run(run.pk))


def _find_by_key(user: User, workspace: Workspace, key: str | None, digest: str) -> Run | None:
    if key is None:
        return None
    run = Run.objects.filter(workspace=workspace, created_by=user, idempotency_key=key).first()
    if run is not None and run.request_digest != digest:
        raise Conflict("This Idempotency-Key was used with another request: make a new key for a new run.")
    return run


def _digest(request: NewRun) -> str:
    return hashlib.sha256(json.dumps(request.model_dump(), sort_keys=True).encode()).hexdigest()
