"""Every route of the API, once as everybody: the table is the policy, and a route without a row fails."""

from typing import Any

import pytest
from django.test import Client

from tests.webapp.conftest import Caller, Join
from tests.webapp.pictures import as_file, make_png
from tests.webapp.prompts import text_to_image
from webapp.accounts.models import User
from webapp.assets.models import Asset
from webapp.config.urls import api
from webapp.runs.models import Run
from webapp.workflows.models import Workflow
from webapp.workspaces.models import Role, Workspace

# Route -> what a viewer, a member, an editor, an admin and the owner get.
POLICY: dict[str, tuple[int, int, int, int, int]] = {
    "GET catalog": (200, 200, 200, 200, 200),
    "POST runs": (403, 201, 201, 201, 201),
    "GET runs": (200, 200, 200, 200, 200),
    "GET runs/{run_id}": (200, 200, 200, 200, 200),
    "POST runs/{run_id}/cancel": (403, 403, 403, 200, 200),
    "POST assets": (403, 201, 201, 201, 201),
    "GET assets": (200, 200, 200, 200, 200),
    "GET assets/{asset_id}": (200, 200, 200, 200, 200),
    "POST workflows": (403, 403, 201, 201, 201),
    "GET workflows": (200, 200, 200, 200, 200),
    "GET workflows/{workflow_id}": (200, 200, 200, 200, 200),
    "PATCH workflows/{workflow_id}": (403, 403, 200, 200, 200),
    "POST workflows/{workflow_id}/versions": (403, 403, 201, 201, 201),
    "GET workflows/{workflow_id}/versions": (200, 200, 200, 200, 200),
    "GET workflows/{workflow_id}/versions/{number}": (200, 200, 200, 200, 200),
}
OUTSIDE = {"GET session", "POST session", "DELETE session", "PUT session/credentials"}
BODIES: dict[str, object] = {
    "POST runs": {"prompt": text_to_image()},
    "POST workflows": {"name": "new", "document": {}},
    "PATCH workflows/{workflow_id}": {"name": "renamed"},
    "POST workflows/{workflow_id}/versions": {"document": {}},
}
ROLES = tuple(Role)
CASES = [(route, role, row[ROLES.index(role)]) for route, row in POLICY.items() for role in ROLES]


@pytest.fixture
def things(as_alice: Caller) -> dict[str, str]:
    """One of everything, made by the owner."""
    run = as_alice.post("runs", {"prompt": text_to_image(seed=7)}).json()
    asset = as_alice.upload(as_file(make_png(), "cat.png")).json()
    workflow = as_alice.post("workflows", {"name": "first", "document": {}}).json()
    return {"run_id": run["id"], "asset_id": asset["id"], "workflow_id": workflow["id"], "number": "1"}


def call(caller: Caller, route: str, things: dict[str, str]) -> Any:
    method, _, path = route.partition(" ")
    if route == "POST assets":
        return caller.upload(as_file(make_png(seed=9), "dog.png"))
    return caller.client.generic(
        method,
        f"{caller.root}/{path.format(**things)}",
        caller.client._encode_json(BODIES.get(route, {}), "application/json"),
        content_type="application/json",
    )


def test_the_table_has_a_row_for_every_route() -> None:
    paths: dict[str, dict[str, object]] = api.get_openapi_schema()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    rows = {row.replace(" ", " /api/v1/workspaces/{slug}/") for row in POLICY}
    assert routes == rows | {row.replace(" ", " /api/v1/") for row in OUTSIDE}


@pytest.mark.parametrize(("route", "role", "status"), CASES)
def test_a_role_may_what_the_table_says(
    route: str, role: Role, status: int, things: dict[str, str], join: Join, alice: User, workspace: Workspace
) -> None:
    dora = alice if role == Role.OWNER else join(User.objects.create_user("dora@example.org"), role)
    assert call(Caller(dora, workspace.slug), route, things).status_code == status


@pytest.mark.parametrize("route", POLICY)
def test_a_member_of_another_workspace_gets_404(
    route: str, things: dict[str, str], as_charlie: Caller
) -> None:
    assert call(as_charlie, route, things).status_code == 404


@pytest.mark.parametrize("route", POLICY)
def test_things_of_a_workspace_are_not_found_through_another(
    route: str, things: dict[str, str], charlie: User
) -> None:
    answer = call(Caller(charlie, "south"), route, things)
    assert answer.status_code == (404 if "{" in route else answer.status_code)
    assert things["run_id"].encode() not in answer.content.replace(things["run_id"].encode(), b"", 1)


@pytest.mark.parametrize("route", POLICY)
def test_nobody_gets_in_without_signing_in(route: str, things: dict[str, str], as_nobody: Caller) -> None:
    answer = call(as_nobody, route, things)
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("route", [route for route in POLICY if not route.startswith("GET")])
def test_nothing_changes_without_a_csrf_token(
    route: str, things: dict[str, str], alice: User, workspace: Workspace
) -> None:
    caller = Caller(alice, workspace.slug)
    caller.client = Client(enforce_csrf_checks=True)
    caller.client.force_login(alice)
    before = (Run.objects.count(), Asset.objects.count(), Workflow.objects.count())
    assert call(caller, route, things).status_code == 403
    assert (Run.objects.count(), Asset.objects.count(), Workflow.objects.count()) == before


def test_a_foreign_workspace_and_a_missing_one_look_the_same(as_charlie: Caller) -> None:
    foreign = as_charlie.get("runs")
    missing = as_charlie.client.get("/api/v1/workspaces/nowhere/runs")
    assert foreign.status_code == missing.status_code
    assert foreign.content.replace(b"north", b"") == missing.content.replace(b"nowhere", b"")


def test_people_cancel_their_own_runs(as_bob: Caller) -> None:
    run = as_bob.post("runs", {"prompt": text_to_image()}).json()
    assert as_bob.post(f"runs/{run['id']}/cancel", {}).json()["status"] == "cancelled"
