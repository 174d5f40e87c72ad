"""The page, health, and the headers of every answer."""

from pathlib import Path

import pytest
from django.test import Client

from webapp.web.frontend import find_file


@pytest.mark.parametrize("path", ["/", "/welcome", "/workflows/5"])
def test_the_page_answers_to_all_of_its_addresses(path: str, dist: Path) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html")
    assert answer["Cache-Control"] == "no-cache"


def test_built_files_are_kept_for_good(dist: Path) -> None:
    answer = Client().get("/assets/index-abc123.js")
    assert answer["Content-Type"] == "text/javascript"
    assert "immutable" in answer["Cache-Control"]


def test_a_file_that_is_not_there_is_not_the_page(dist: Path) -> None:
    assert Client().get("/assets/old.js").status_code == 404


def test_without_a_build_the_page_says_what_to_do() -> None:
    answer = Client().get("/")
    assert answer.status_code == 503
    assert b"make run" in answer.content


@pytest.mark.parametrize("path", ["../secret_key", "assets/../../secret_key", "/etc/passwd", "a\x00b", ""])
def test_nothing_outside_the_build_is_served(path: str, dist: Path) -> None:
    (dist.parent / "secret_key").write_text("secret")
    assert find_file(dist, path) is None


def test_scripts_come_from_here_only(dist: Path) -> None:
    answer = Client().get("/")
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", ["/", "/health", "/api/v1/session", "/login/x", "/files/x"])
def test_every_answer_is_guarded(path: str, dist: Path, db: None) -> None:
    answer = Client().get(path)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer


def test_health_answers_to_anybody(db: None) -> None:
    assert Client().get("/health").json() == {"status": "ok"}


def test_a_fault_of_ours_is_a_problem_without_a_trace(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_request: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("webapp.workspaces.views.signed_in", fail)
    answer = Client(raise_request_exception=False).get("/api/v1/session")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert b"secret" not in answer.content
