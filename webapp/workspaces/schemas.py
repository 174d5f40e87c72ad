"""What the session API speaks."""

from uuid import UUID

from ninja import Schema
from pydantic import Field

from webapp.common.limits import MAX_NAME_CHARS
from webapp.workspaces.models import Role

# RFC 5321, 4.5.3.1: a path has 256 octets with its brackets.
MAX_EMAIL_CHARS = 254
MAX_PASSWORD_CHARS = 1_000


class UserOut(Schema):
    """A person, as that person sees themself."""

    id: UUID
    email: str
    name: str
    needs_setup: bool


class WorkspaceOut(Schema):
    """A workspace and the asking person's role in it."""

    slug: str
    name: str
    role: Role


class SessionOut(Schema):
    """Who is signed in, and where they belong."""

    user: UserOut
    workspaces: list[WorkspaceOut]


class SignIn(Schema):
    """Credentials."""

    email: str = Field(max_length=MAX_EMAIL_CHARS)
    password: str = Field(max_length=MAX_PASSWORD_CHARS)


class Credentials(SignIn):
    """Credentials that a person chooses, and their name."""

    name: str = Field(max_length=MAX_NAME_CHARS)
