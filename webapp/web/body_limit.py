"""A limit on bodies before anything reads them, with or without a Content-Length."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from webapp.common.errors import TooLarge
from webapp.common.limits import MAX_JSON_BYTES, MAX_MULTIPART_BYTES
from webapp.common.problems import problem_response

Scope: TypeAlias = dict[str, Any]
Message: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class BodyLimit:
    """ASGI middleware that answers 413 to bodies that are too large for their kind."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on while its body keeps within the limit."""
        headers = dict(scope["headers"])
        limit = limit_for(headers.get(b"content-type", b""))
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > limit:
            await _refuse(send, limit)
            return
        try:
            await self._application(scope, _Counting(receive, limit), send)
        except _TooLong:
            await _refuse(send, limit)


class _TooLong(Exception):
    """The body went over the limit while it was read, so no answer has begun."""


class _Counting:
    """Counts what is received: a body without a Content-Length shows its size only then."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._seen = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > self._limit:
            raise _TooLong
        return message


def limit_for(content_type: bytes) -> int:
    """How many bytes a body of this type may have."""
    return MAX_MULTIPART_BYTES if content_type.startswith(b"multipart/form-data") else MAX_JSON_BYTES


async def _refuse(send: Send, limit: int) -> None:
    response = problem_response(TooLarge(f"The body may have {limit:,} bytes at most."))
    headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
