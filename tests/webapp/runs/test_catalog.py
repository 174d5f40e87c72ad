"""The catalog as a workspace sees it."""

from tests.webapp.conftest import Caller
from tests.webapp.pictures import as_file, make_png
from webapp.runs.schemas import CatalogOut


def test_the_schema_knows_all_that_the_catalog_says(as_alice: Caller) -> None:
    document = as_alice.get("catalog").json()
    parsed = CatalogOut.model_validate(document).model_dump(exclude_unset=True)
    said = [sorted(entry) for node in document["nodes"] for entry in node["inputs"]]
    assert [sorted(entry) for node in parsed["nodes"] for entry in node["inputs"]] == said


def test_it_lists_checkpoints_and_pictures(as_alice: Caller) -> None:
    as_alice.upload(as_file(make_png(), "cat.png"))
    files = as_alice.get("catalog").json()["files"]
    assert files["checkpoints"] == ["tiny.safetensors"]
    assert files["input:image"] == ["cat.png"]


def test_the_default_graph_can_run(as_alice: Caller) -> None:
    prompt = as_alice.get("catalog").json()["default_workflow"]["prompt"]
    assert as_alice.post("runs", {"prompt": prompt}).status_code == 201


def test_a_known_catalog_is_not_sent_again(as_alice: Caller) -> None:
    etag = as_alice.get("catalog")["ETag"]
    again = as_alice.client.get(f"{as_alice.root}/catalog", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_new_picture_changes_the_catalog(as_alice: Caller) -> None:
    before = as_alice.get("catalog")["ETag"]
    as_alice.upload(as_file(make_png(), "cat.png"))
    assert as_alice.get("catalog")["ETag"] != before
