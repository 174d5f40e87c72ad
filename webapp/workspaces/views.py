"""The session: who is signed in and where they belong."""

from django.contrib.auth import login, logout, update_session_auth_hash
from django.http import HttpRequest
from django.middleware.csrf import get_token
from ninja import Router, Status
from ninja.security import django_auth

from webapp.accounts.models import User
from webapp.accounts.services import set_credentials, sign_in_with_password
from webapp.accounts.sessions import client_address, csrf_only, signed_in
from webapp.common.api import WRITE_PROBLEMS
from webapp.common.problems import ProblemOut
from webapp.workspaces.models import Role
from webapp.workspaces.schemas import Credentials, SessionOut, SignIn, UserOut, WorkspaceOut
from webapp.workspaces.selectors import memberships_of

router = Router(tags=["session"])


# No guard: the answer 401 sets the CSRF cookie that signing in needs.
@router.get("/session", auth=None, response={200: SessionOut, 401: ProblemOut})
def read_session(request: HttpRequest) -> SessionOut:
    """Who is signed in. Sets the cookie `csrftoken`, also when nobody is."""
    get_token(request)
    return session_of(signed_in(request))


@router.post("/session", auth=csrf_only, response={200: SessionOut, **WRITE_PROBLEMS, 429: ProblemOut})
def sign_in(request: HttpRequest, payload: SignIn) -> SessionOut:
    """Sign in by password."""
    user = sign_in_with_password(
        email=payload.email, password=payload.password, address=client_address(request)
    )
    login(request, user)
    return session_of(user)


@router.delete("/session", auth=django_auth, response={204: None, **WRITE_PROBLEMS})
def sign_out(request: HttpRequest) -> Status[None]:
    """Sign out."""
    logout(request)
    return Status(204, None)


@router.put("/session/credentials", auth=django_auth, response={200: SessionOut, **WRITE_PROBLEMS})
def choose_credentials(request: HttpRequest, payload: Credentials) -> SessionOut:
    """Choose the email address, password and name to go by."""
    user = set_credentials(
        user=signed_in(request), email=payload.email, password=payload.password, name=payload.name
    )
    update_session_auth_hash(request, user)
    return session_of(user)


def session_of(user: User) -> SessionOut:
    """The session document of `user`."""
    workspaces = [
        WorkspaceOut(slug=each.workspace.slug, name=each.workspace.name, role=Role(each.role))
        for each in memberships_of(user)
    ]
    person = UserOut(id=user.id, email=user.email, name=user.name, needs_setup=user.needs_setup)
    return SessionOut(user=person, workspaces=workspaces)
