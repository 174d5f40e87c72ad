"""Starting and cancelling runs."""

import pytest

from tests.webapp.conftest import Caller
from tests.webapp.pictures import as_file, make_png, make_safetensors
from tests.webapp.prompts import image_to_image, text_to_image
from webapp.accounts.models import User
from webapp.runs.models import Run, Status
from webapp.runs.schemas import NewRun
from webapp.runs.services import start_run
from webapp.workspaces.models import Workspace


def test_a_run_waits_in_the_queue(as_alice: Caller) -> None:
    run = as_alice.post("runs", {"prompt": text_to_image(), "client_ref": "tab 1"}).json()
    assert run["status"] == "queued"
    assert run["position"] == 0
    assert run["client_ref"] == "tab 1"
    assert run["progress"] == {"done": 0, "total": 7, "node": None, "value": 0, "max": 0}


def test_the_graph_keeps_the_order_of_its_nodes(as_alice: Caller) -> None:
    run_id = as_alice.post("runs", {"prompt": text_to_image()}).json()["id"]
    assert list(as_alice.get(f"runs/{run_id}").json()["prompt"]) == ["4", "5", "6", "7", "3", "8", "9"]


def test_the_same_key_and_body_give_the_same_run(as_alice: Caller) -> None:
    body = {"prompt": text_to_image()}
    first = as_alice.post("runs", body, **{"Idempotency-Key": "k"})
    again = as_alice.post("runs", body, **{"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert Run.objects.count() == 1


def test_the_same_key_with_another_body_is_a_conflict(as_alice: Caller) -> None:
    as_alice.post("runs", {"prompt": text_to_image(seed=1)}, **{"Idempotency-Key": "k"})
    answer = as_alice.post("runs", {"prompt": text_to_image(seed=2)}, **{"Idempotency-Key": "k"})
    assert answer.status_code == 409


def test_a_key_is_its_owners_alone(as_alice: Caller, as_bob: Caller) -> None:
    body = {"prompt": text_to_image()}
    first = as_alice.post("runs", body, **{"Idempotency-Key": "k"}).json()
    assert as_bob.post("runs", body, **{"Idempotency-Key": "k"}).json()["id"] != first["id"]


def test_a_request_that_comes_twice_at_once_makes_one_run(
    alice: User, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = NewRun(prompt=text_to_image())
    first = start_run(user=alice, workspace=workspace, request=request, idempotency_key="k")
    answers = iter([None, first.run])
    monkeypatch.setattr("webapp.runs.services._find_by_key", lambda *_: next(answers))
    assert not start_run(user=alice, workspace=workspace, request=request, idempotency_key="k").is_new


def test_a_queued_run_is_cancelled_at_once(as_alice: Caller) -> None:
    run_id = as_alice.post("runs", {"prompt": text_to_image()}).json()["id"]
    run = as_alice.post(f"runs/{run_id}/cancel", {}).json()
    assert run["status"] == "cancelled"
    assert run["finished_at"] is not None


def test_cancelling_a_finished_run_changes_nothing(as_alice: Caller) -> None:
    run_id = as_alice.post("runs", {"prompt": text_to_image()}).json()["id"]
    Run.objects.update(status=Status.SUCCEEDED)
    assert as_alice.post(f"runs/{run_id}/cancel", {}).json()["status"] == "succeeded"


def test_inputs_are_named_by_digest(as_alice: Caller) -> None:
    sha256 = as_alice.upload(as_file(make_png(), "cat.png")).json()["sha256"]
    assert as_alice.post("runs", {"prompt": image_to_image(f"asset:{sha256}")}).status_code == 201


def test_inputs_are_named_by_name(as_alice: Caller) -> None:
    as_alice.upload(as_file(make_png(), "cat.png"))
    assert as_alice.post("runs", {"prompt": image_to_image("cat.png")}).status_code == 201


def test_a_latent_is_no_picture(as_alice: Caller) -> None:
    as_alice.upload(as_file(make_safetensors(), "a.latent"))
    assert as_alice.post("runs", {"prompt": image_to_image("a.latent")}).status_code == 422


def test_inputs_of_another_workspace_do_not_exist(as_alice: Caller, charlie: User) -> None:
    elsewhere = Caller(charlie, "south")
    sha256 = elsewhere.upload(as_file(make_png(), "cat.png")).json()["sha256"]
    answer = as_alice.post("runs", {"prompt": image_to_image(f"asset:{sha256}")})
    assert answer.status_code == 422


def test_pages_of_runs_hang_together(as_alice: Caller) -> None:
    ids = [as_alice.post("runs", {"prompt": text_to_image(seed=seed)}).json()["id"] for seed in range(5)]
    first = as_alice.get("runs", limit=3).json()
    second = as_alice.get("runs", limit=3, cursor=first["next_cursor"]).json()
    assert [run["id"] for run in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None
