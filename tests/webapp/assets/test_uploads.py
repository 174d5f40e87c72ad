"""Uploads and the links to what was uploaded."""

import time
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from tests.webapp.conftest import Caller
from tests.webapp.pictures import as_file, make_png
from webapp.assets.links import asset_url
from webapp.assets.models import Asset
from webapp.common import limits

pytestmark = pytest.mark.django_db

HOUR_S = 3600
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def upload(caller: Caller, content: bytes, name: str = "cat.png") -> dict[str, str]:
    answer: dict[str, str] = caller.upload(as_file(content, name)).json()
    return answer


@async_to_sync
async def read_all(answer: Any) -> bytes:
    """The body, which is streamed for an event loop."""
    return b"".join([chunk async for chunk in answer.streaming_content])


def test_an_upload_becomes_an_asset(as_alice: Caller) -> None:
    answer = as_alice.upload(as_file(make_png(3, 2), "cat.png"))
    assert answer.status_code == 201
    assert {key: answer.json()[key] for key in ("name", "media_type", "width", "height")} == {
        "name": "cat.png",
        "media_type": "image/png",
        "width": 3,
        "height": 2,
    }


def test_the_same_bytes_again_are_the_same_asset(as_alice: Caller) -> None:
    first = upload(as_alice, make_png())
    again = as_alice.upload(as_file(make_png(), "other.png"))
    assert (again.status_code, again.json()["id"]) == (200, first["id"])


def test_a_name_that_is_taken_gets_a_number(as_alice: Caller) -> None:
    upload(as_alice, make_png(seed=1))
    assert upload(as_alice, make_png(seed=2))["name"] == "cat (2).png"


@pytest.mark.parametrize("name", ["../../etc/passwd.png", "..\\..\\evil.png", "/root/x.png"])
def test_a_name_leads_nowhere(as_alice: Caller, name: str) -> None:
    assert "/" not in upload(as_alice, make_png(), name)["name"]


@pytest.mark.parametrize(
    "content", [SVG, b"<!doctype html><script>alert(1)</script>", b"", b"\x80\x04pickle", b"GIF89a"]
)
def test_what_is_no_picture_is_refused(as_alice: Caller, content: bytes) -> None:
    assert as_alice.upload(as_file(content, "cat.png")).status_code == 415


def test_one_byte_more_than_the_limit_is_refused(as_alice: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    content = make_png()
    monkeypatch.setattr("webapp.assets.services.MAX_UPLOAD_BYTES", len(content) - 1)
    assert as_alice.upload(as_file(content, "cat.png")).status_code == 413


def test_more_pixels_than_the_limit_are_refused_by_the_header(as_alice: Caller) -> None:
    wide = make_png(limits.MAX_PICTURE_PIXELS // 4 + 1, 4)
    assert as_alice.upload(as_file(wide, "cat.png")).status_code == 422


def test_a_link_gives_the_bytes_to_whoever_has_it(as_alice: Caller) -> None:
    answer = Client().get(upload(as_alice, make_png())["url"])
    assert read_all(answer) == make_png()


def test_a_file_is_served_so_that_it_can_do_no_harm(as_alice: Caller) -> None:
    answer = Client().get(upload(as_alice, make_png())["url"])
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["Content-Disposition"].startswith("inline")


def test_a_forged_link_gives_nothing(as_alice: Caller) -> None:
    url = upload(as_alice, make_png())["url"]
    assert Client().get(url[:-1] + ("A" if url[-1] != "A" else "B")).status_code == 404


def test_a_link_ends(as_alice: Caller) -> None:
    upload(as_alice, make_png())
    old = asset_url(Asset.objects.get(), now_s=time.time() - 3 * HOUR_S)
    assert Client().get(old).status_code == 404
