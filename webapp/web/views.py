"""The page, health, and answers to what nobody else answers."""

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from webapp.common.errors import DomainError, Malformed, NotFound
from webapp.common.problems import problem_response
from webapp.web import frontend


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The front end."""
    return frontend.answer(request.path_info.lstrip("/"))


@require_safe
def health(_request: HttpRequest) -> HttpResponse:
    """Whether this process serves and reaches the database."""
    connection.ensure_connection()
    return JsonResponse({"status": "ok"})


def missing_api(_request: HttpRequest) -> HttpResponse:
    """The answer to an address below /api that is none."""
    return problem_response(NotFound("There is no such address in this API."))


def bad_request(_request: HttpRequest, exception: Exception) -> HttpResponse:
    """The answer to a request that Django itself refuses and logs, such as one for a foreign host."""
    return problem_response(Malformed("The request is not acceptable."))


def server_error(_request: HttpRequest) -> HttpResponse:
    """The answer to a fault of ours: the trace is in the log."""
    return problem_response(InternalError("Something went wrong here. It has been logged."))


class InternalError(DomainError):
    """A fault of ours."""

    status = 500
    code = "internal"
    title = "Internal error"
