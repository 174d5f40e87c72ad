"""Bodies that are too large, whether they say so or not."""

from collections.abc import Mapping
from typing import Any

from webapp.common.limits import MAX_JSON_BYTES, MAX_MULTIPART_BYTES
from webapp.web.body_limit import BodyLimit, limit_for


async def read_all(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def status_of(chunks: list[bytes], headers: dict[bytes, bytes]) -> int:
    sent: list[Mapping[str, Any]] = []
    waiting = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
        for number, chunk in enumerate(chunks, 1)
    ]

    async def receive() -> Mapping[str, Any]:
        return waiting.pop(0)

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    await BodyLimit(read_all)({"headers": list(headers.items())}, receive, send)
    return int(sent[0]["status"])


async def test_a_body_at_the_limit_passes() -> None:
    assert await status_of([bytes(MAX_JSON_BYTES)], {}) == 200


async def test_an_announced_body_over_the_limit_is_refused_unread() -> None:
    assert await status_of([], {b"content-length": b"%d" % (MAX_JSON_BYTES + 1)}) == 413


async def test_a_body_that_grows_over_the_limit_is_refused() -> None:
    assert await status_of([bytes(MAX_JSON_BYTES), b"x"], {}) == 413


def test_forms_may_carry_an_upload() -> None:
    assert limit_for(b"multipart/form-data; boundary=x") == MAX_MULTIPART_BYTES
