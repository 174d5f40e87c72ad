from pathlib import Path

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/", "/sign-in", "/welcome"])
def test_the_page_is_served_where_people_may_land(client: Client, dist: Path, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert b"<title>Atelier</title>" in answer.content


def test_the_page_may_run_only_its_own_scripts(client: Client, dist: Path) -> None:
    policy = client.get("/")["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_built_files_never_change_under_their_name(client: Client, dist: Path) -> None:
    assert "immutable" in client.get("/assets/index-abc123.js")["Cache-Control"]


def test_no_path_leads_out_of_the_front_end(client: Client, dist: Path) -> None:
    assert b"secret_key" not in client.get("/assets/../../secret_key").content


def test_an_unknown_api_address_is_a_problem_document(client: Client) -> None:
    answer = client.get("/api/v1/nothing")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_foreign_host_is_refused(client: Client) -> None:
    assert client.get("/health", headers={"host": "evil.example"}).status_code == 400


def test_health_tells_that_all_is_well(client: Client) -> None:
    assert client.get("/health").json() == {"status": "ok"}
