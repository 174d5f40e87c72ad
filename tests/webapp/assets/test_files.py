"""Signed links, and how files are served behind them."""

from typing import Any

import pytest
from django.test import AsyncClient

from tests.webapp.conftest import Caller
from tests.webapp.pictures import as_file, make_png, make_safetensors
from webapp.assets.files import find_span
from webapp.assets.links import asset_url, read_token
from webapp.assets.models import Asset
from webapp.common.errors import NotFound

pytestmark = pytest.mark.django_db(transaction=True)
HOUR_S = 3600
AT_NINE_S = 500_000 * HOUR_S


@pytest.fixture
def picture(as_alice: Caller) -> Asset:
    as_alice.upload(as_file(make_png(), 'a "cat".png'))
    return Asset.objects.get()


async def fetch(asset: Asset, **headers: str) -> tuple[Any, bytes]:
    response = await AsyncClient().get(asset_url(asset), headers=headers)
    if not response.streaming:
        return response, response.content
    return response, b"".join([chunk async for chunk in response])


async def test_a_link_needs_no_cookie(picture: Asset) -> None:
    response, content = await fetch(picture)
    assert response.status_code == 200
    assert content == make_png()
    assert response["Content-Length"] == str(len(content))


async def test_pictures_are_shown_and_can_run_nothing(picture: Asset) -> None:
    response, _ = await fetch(picture)
    assert response["Content-Type"] == "image/png"
    assert response["Content-Disposition"].startswith("inline")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "immutable" in response["Cache-Control"]


async def test_other_files_are_downloads(as_alice: Caller) -> None:
    from asgiref.sync import sync_to_async

    await sync_to_async(as_alice.upload)(as_file(make_safetensors(), "a.latent"))
    response, _ = await fetch(await Asset.objects.aget())
    assert response["Content-Disposition"] == 'attachment; filename="a.latent"'


async def test_a_known_file_is_not_sent_again(picture: Asset) -> None:
    response, content = await fetch(picture, **{"If-None-Match": f'"{picture.sha256}"'})
    assert (response.status_code, content) == (304, b"")


async def test_a_range_is_served(picture: Asset) -> None:
    response, content = await fetch(picture, Range="bytes=2-5")
    assert response.status_code == 206
    assert content == make_png()[2:6]
    assert response["Content-Range"] == f"bytes 2-5/{picture.size_bytes}"


async def test_a_range_outside_is_refused(picture: Asset) -> None:
    response, _ = await fetch(picture, Range="bytes=90000-")
    assert response.status_code == 416


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=5-", (5, 5)),
        ("bytes=-3", (7, 3)),
        ("bytes=-30", (0, 10)),
        ("bytes=5-99", (5, 5)),
        ("bytes=10-", None),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=-0", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
    ],
)
def test_spans_follow_rfc_9110(header: str, span: tuple[int, int] | None) -> None:
    assert find_span(header, 10) == span


def test_a_link_is_the_same_all_hour(picture: Asset) -> None:
    assert asset_url(picture, now_s=AT_NINE_S) == asset_url(picture, now_s=AT_NINE_S + HOUR_S - 1)
    assert asset_url(picture, now_s=AT_NINE_S) != asset_url(picture, now_s=AT_NINE_S + HOUR_S)


def test_a_link_holds_for_an_hour_at_least(picture: Asset) -> None:
    token = asset_url(picture, now_s=AT_NINE_S + HOUR_S - 1).rpartition("/")[2]
    assert read_token(token, now_s=AT_NINE_S + 2 * HOUR_S - 1) == picture.id


def test_a_link_ends_after_two_hours(picture: Asset) -> None:
    token = asset_url(picture, now_s=AT_NINE_S).rpartition("/")[2]
    with pytest.raises(NotFound):
        read_token(token, now_s=AT_NINE_S + 2 * HOUR_S)


@pytest.mark.parametrize("token", ["", "nonsense", "01a207c540c97a3f94f6db047f8096c0.498731~forged", "a.b~c"])
def test_a_forged_link_leads_nowhere(token: str) -> None:
    with pytest.raises(NotFound):
        read_token(token)


async def test_a_forged_link_is_a_problem(db: None) -> None:
    response = await AsyncClient().get("/files/forged")
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
