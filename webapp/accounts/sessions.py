"""The signed-in person behind a request."""

from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.utils import check_csrf

from webapp.accounts.models import User
from webapp.common.errors import NotSignedIn


def signed_in(request: HttpRequest) -> User:
    """The person who asks. Raises NotSignedIn."""
    if not isinstance(request.user, User):
        raise NotSignedIn("Sign in first.")
    return request.user


def csrf_only(request: HttpRequest) -> bool:
    """Guard of the sign-in route: nobody is signed in yet, but no foreign page may sign people in."""
    if check_csrf(request) is not None:
        raise HttpError(403, "CSRF check failed")
    return True


def client_address(request: HttpRequest) -> str:
    """The address of the peer. Forwarded headers are not believed: anybody can send them."""
    return str(request.META.get("REMOTE_ADDR", ""))
