"""The bytes behind a signed link.

Whatever people upload is served so that a browser can only look at it: an allow-list of raster types inline,
everything else as a download, no sniffing, and a sandbox without an origin.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header, parse_etags
from django.views.decorators.http import require_safe

from webapp.assets.links import read_token
from webapp.assets.models import Asset
from webapp.assets.storage import read_span
from webapp.common.errors import NotFound
from webapp.common.problems import problem_response

INLINE_TYPES = frozenset({"image/png", "image/jpeg", "image/webp"})
A_YEAR_S = 31_536_000
RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


@require_safe
def serve_file(request: HttpRequest, token: str) -> HttpResponseBase:
    """The file that `token` stands for, whole or a range of it."""
    try:
        asset = Asset.objects.filter(pk=read_token(token)).first()
        if asset is None:
            raise NotFound("This file has been deleted.")
    except NotFound as error:
        return problem_response(error)
    etag = f'"{asset.sha256}"'
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        return _with_headers(HttpResponseNotModified(), asset)
    return _with_headers(_body(request, asset), asset)


def _body(request: HttpRequest, asset: Asset) -> HttpResponseBase:
    asked = request.headers.get("Range")
    span = None if asked is None else find_span(asked, asset.size_bytes)
    if asked is not None and span is None and RANGE.match(asked):
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{asset.size_bytes}"})
    start, size_bytes = span or (0, asset.size_bytes)
    response = StreamingHttpResponse(
        _in_thread(read_span(asset, start, size_bytes)),
        status=206 if span else 200,
        content_type=asset.media_type,
    )
    response.headers["Content-Length"] = str(size_bytes)
    if span:
        response.headers["Content-Range"] = f"bytes {start}-{start + size_bytes - 1}/{asset.size_bytes}"
    return response


def find_span(header: str, size_bytes: int) -> tuple[int, int] | None:
    """Start and length of the one range in `header` (RFC 9110, 14.1.2), None if there is none."""
    match = RANGE.match(header)
    if match is None or match.group() == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        start = max(size_bytes - int(last), 0)
        end = size_bytes - 1
    else:
        start = int(first)
        end = min(int(last), size_bytes - 1) if last else size_bytes - 1
    return (start, end - start + 1) if start <= end else None


async def _in_thread(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Read from disk beside the event loop, one chunk ahead of nobody: a slow reader holds one chunk."""
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        yield chunk


def _with_headers(response: HttpResponseBase, asset: Asset) -> HttpResponseBase:
    is_attachment = asset.media_type not in INLINE_TYPES
    response.headers["ETag"] = f'"{asset.sha256}"'
    response.headers["Accept-Ranges"] = "bytes"
    # The content of a key never changes; the link that leads to it ends by itself.
    response.headers["Cache-Control"] = f"private, max-age={A_YEAR_S}, immutable"
    response.headers["Content-Disposition"] = (
        content_disposition_header(is_attachment, asset.name) or "attachment"
    )
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response
