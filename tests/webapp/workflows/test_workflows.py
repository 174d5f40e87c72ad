"""Workflows and their versions."""

from tests.webapp.conftest import Caller

DOCUMENT = {"version": 0.4, "nodes": [], "links": [], "zz": 1, "aa": 2}


def make(caller: Caller, name: str = "portrait") -> str:
    workflow_id: str = caller.post("workflows", {"name": name, "document": DOCUMENT}).json()["id"]
    return workflow_id


def test_a_workflow_begins_with_version_1(as_alice: Caller) -> None:
    answer = as_alice.post("workflows", {"name": " portrait ", "document": DOCUMENT, "message": "first"})
    workflow = answer.json()
    assert answer.status_code == 201
    assert workflow["name"] == "portrait"
    assert workflow["latest"]["number"] == 1
    assert workflow["latest"]["message"] == "first"
    assert workflow["latest"]["author"] == "Alice"


def test_a_document_comes_back_as_it_was_sent(as_alice: Caller) -> None:
    document = as_alice.get(f"workflows/{make(as_alice)}").json()["latest"]["document"]
    assert list(document.items()) == list(DOCUMENT.items())


def test_versions_count_up_and_stay(as_alice: Caller) -> None:
    workflow_id = make(as_alice)
    second = as_alice.post(f"workflows/{workflow_id}/versions", {"document": {"nodes": [1]}, "base": 1})
    assert second.json()["number"] == 2
    assert as_alice.get(f"workflows/{workflow_id}/versions/1").json()["document"] == DOCUMENT
    versions = as_alice.get(f"workflows/{workflow_id}/versions").json()["items"]
    assert [version["number"] for version in versions] == [2, 1]


def test_saving_over_somebody_elses_version_is_a_conflict(as_alice: Caller) -> None:
    workflow_id = make(as_alice)
    as_alice.post(f"workflows/{workflow_id}/versions", {"document": {}, "base": 1})
    assert as_alice.post(f"workflows/{workflow_id}/versions", {"document": {}, "base": 1}).status_code == 409


def test_a_workflow_is_renamed(as_alice: Caller) -> None:
    workflow_id = make(as_alice)
    assert as_alice.patch(f"workflows/{workflow_id}", {"name": "landscape"}).json()["name"] == "landscape"


def test_a_name_of_blanks_is_invalid(as_alice: Caller) -> None:
    answer = as_alice.post("workflows", {"name": "  ", "document": {}})
    assert answer.status_code == 422


def test_a_document_that_is_no_object_is_invalid(as_alice: Caller) -> None:
    assert as_alice.post("workflows", {"name": "a", "document": []}).status_code == 422


def test_lists_show_the_latest_version_without_its_document(as_alice: Caller) -> None:
    workflow_id = make(as_alice)
    as_alice.post(f"workflows/{workflow_id}/versions", {"document": {}})
    listed = as_alice.get("workflows").json()["items"]
    assert [workflow["latest"]["number"] for workflow in listed] == [2]
    assert "document" not in listed[0]["latest"]


def test_a_version_that_is_not_there_is_not_found(as_alice: Caller) -> None:
    workflow_id = make(as_alice)
    assert as_alice.get(f"workflows/{workflow_id}/versions/2").status_code == 404
    assert as_alice.get(f"workflows/{workflow_id}/versions/0").status_code == 422
    assert as_alice.get(f"workflows/{workflow_id}/versions/99999999999").status_code == 422
