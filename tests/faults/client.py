"""A person's HTTP client, as a browser would act."""

import contextlib
import http.cookiejar
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from types import TracebackType
from typing import Any

from tests.webapp.prompts import Prompt

WAIT_S = 60.0
LOOK_S = 0.1
SLUG = "studio"


class Studio:
    """Signed-in calls to one workspace."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def __enter__(self) -> "Studio":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opener.close()

    def sign_in(self, link: str) -> None:
        # The page behind the redirect may not be built yet: the cookie is what counts.
        with contextlib.suppress(urllib.error.HTTPError):
            self._opener.open(link).close()
        self.call("GET", "/api/v1/session")

    def cookie_header(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._cookies)

    def start_run(self, prompt: Prompt) -> str:
        return str(self.call("POST", self._path("runs"), {"prompt": prompt})["id"])

    def run(self, run_id: str) -> Any:
        return self.call("GET", self._path(f"runs/{run_id}"))

    def cancel(self, run_id: str) -> Any:
        return self.call("POST", self._path(f"runs/{run_id}/cancel"), {})

    def assets(self) -> list[Any]:
        return list(self.call("GET", self._path("assets"))["items"])

    def default_prompt(self) -> Prompt:
        prompt: Prompt = self.call("GET", self._path("catalog"))["default_workflow"]["prompt"]
        return prompt

    def wait_for(self, run_id: str, is_so: Callable[[Any], bool]) -> Any:
        deadline_s = time.monotonic() + WAIT_S
        while not is_so(run := self.run(run_id)):
            assert time.monotonic() < deadline_s, run
            time.sleep(LOOK_S)
        return run

    def wait_for_end(self, run_id: str) -> Any:
        return self.wait_for(run_id, lambda run: run["finished_at"] is not None)

    def call(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(f"{self.url}{path}", method=method)  # noqa: S310  our own address
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.add_header("X-CSRFToken", self._csrf_token())
            request.data = json.dumps(body).encode()
        with self._opener.open(request, timeout=30) as response:
            return json.load(response)

    def _csrf_token(self) -> str:
        return next(cookie.value or "" for cookie in self._cookies if cookie.name == "csrftoken")

    def _path(self, rest: str) -> str:
        return f"/api/v1/workspaces/{SLUG}/{rest}"
