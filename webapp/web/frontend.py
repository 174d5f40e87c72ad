"""The built front end: files by name, and index.html for every address that the page itself understands."""

import mimetypes
from pathlib import Path

from django.conf import settings
from django.http import HttpResponse

# Vite puts a digest of the content into the names below this folder.
HASHED = "assets/"
A_YEAR_S = 31_536_000
NOT_BUILT = "The front end is not built yet: run `make run`, or `npm run build` in frontend/.\n"


def answer(path: str) -> HttpResponse:
    """The file at `path`, or the page."""
    dist: Path = settings.FRONTEND_DIST
    file = find_file(dist, path)
    if file is None and "." in path.rpartition("/")[2]:
        return HttpResponse("Not found.\n", status=404, content_type="text/plain")
    file = file or find_file(dist, "index.html")
    if file is None:
        return HttpResponse(NOT_BUILT, status=503, content_type="text/plain")
    media_type, _ = mimetypes.guess_type(file.name)
    response = HttpResponse(file.read_bytes(), content_type=media_type or "application/octet-stream")
    is_immutable = path.startswith(HASHED)
    response.headers["Cache-Control"] = (
        f"public, max-age={A_YEAR_S}, immutable" if is_immutable else "no-cache"
    )
    return response


def find_file(dist: Path, path: str) -> Path | None:
    """The file at `path` within `dist`, or None; nothing outside is ever found."""
    if not path or "\x00" in path:
        return None
    root = dist.resolve()
    file = (root / path).resolve()
    return file if file.is_relative_to(root) and file.is_file() else None
