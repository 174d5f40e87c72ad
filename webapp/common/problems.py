"""The one place where errors become HTTP: RFC 9457 problem documents."""

import json
import logging
from collections.abc import Sequence
from http import HTTPStatus

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError

from webapp.common.errors import (
    DomainError,
    Fault,
    Invalid,
    Malformed,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TooLarge,
)
from webapp.common.limits import MAX_JSON_BYTES

MEDIA_TYPE = "application/problem+json"
# Where pydantic says a field lies: these name the part of the request, not the field.
PARTS_OF_A_REQUEST = ("body", "query", "path", "form", "file", "header", "payload")
log = logging.getLogger(__name__)


class FaultOut(Schema):
    """One fault of an input."""

    node: str | None
    input: str | None
    code: str
    message: str


class ProblemOut(Schema):
    """RFC 9457 problem; `errors` lists all faults of an invalid input."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FaultOut] | None = None


def problem_body(error: DomainError) -> dict[str, object]:
    """`error` as the members of a problem document."""
    body: dict[str, object] = {
        "type": f"urn:atelier:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.message,
    }
    if error.faults:
        body["errors"] = [vars(fault) for fault in error.faults]
    return body


def problem_response(error: DomainError) -> HttpResponse:
    """`error` as an HTTP answer."""
    return HttpResponse(json.dumps(problem_body(error)), status=error.status, content_type=MEDIA_TYPE)


def register_problems(api: NinjaAPI) -> None:
    """Make `api` answer every error with a problem document."""

    def answer(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
        return problem_response(_as_domain_error(error))

    for kind in (DomainError, ValidationError, HttpError, Http404, SuspiciousOperation):
        api.add_exception_handler(kind, answer)


def _as_domain_error(error: Exception | type[Exception]) -> DomainError:
    if isinstance(error, DomainError):
        return error
    if isinstance(error, ValidationError):
        return Invalid("Some fields are wrong.", _faults_of(error.errors))
    if isinstance(error, RequestDataTooBig):
        return TooLarge(f"The body may have {MAX_JSON_BYTES} bytes at most.")
    if isinstance(error, HttpError):
        return _from_http_error(error)
    if isinstance(error, Http404):
        return NotFound("There is nothing here.")
    return Malformed("The request is not acceptable.")


def _from_http_error(error: HttpError) -> DomainError:
    # The framework wraps whatever the body parser raises.
    if isinstance(error.__cause__, DomainError):
        return error.__cause__
    if isinstance(error, AuthenticationError):
        return NotSignedIn("Sign in first.")
    if error.status_code == HTTPStatus.FORBIDDEN:
        return NotAllowed("The CSRF token is missing or wrong: reload the page.")
    return Malformed(error.message)


def _faults_of(errors: Sequence[dict[str, object]]) -> list[Fault]:
    return [_fault_of(error) for error in errors]


def _fault_of(error: dict[str, object]) -> Fault:
    location = error.get("loc")
    parts = location if isinstance(location, (tuple, list)) else ()
    field = ".".join(str(part) for part in parts if part not in PARTS_OF_A_REQUEST)
    return Fault(None, field or None, str(error.get("type")), str(error.get("msg")))
