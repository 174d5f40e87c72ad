"""What the routers of all apps share: how bodies are read, what errors look like in the schema."""

from typing import Any, cast

from django.http import HttpRequest
from ninja.parser import Parser

from webapp.common.errors import Invalid, UnsupportedType
from webapp.common.problems import ProblemOut
from webapp.common.strict_json import parse_json

READ_PROBLEMS: dict[int, type[ProblemOut]] = dict.fromkeys((401, 404, 422), ProblemOut)
WRITE_PROBLEMS: dict[int, type[ProblemOut]] = dict.fromkeys(
    (400, 401, 403, 404, 409, 413, 415, 422), ProblemOut
)


class StrictParser(Parser):
    """Takes JSON objects and nothing else: a form or plain text would get past the browser's preflight."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """The body's object. Raises UnsupportedType, Malformed, Invalid."""
        if request.content_type != "application/json":
            raise UnsupportedType("Send the body as application/json.")
        document = parse_json(request.body)
        if not isinstance(document, dict):
            raise Invalid("The body must be a JSON object.")
        return cast(dict[str, Any], document)
