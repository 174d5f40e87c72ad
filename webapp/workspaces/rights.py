"""Who may do what: one table, one function."""

from enum import StrEnum

from webapp.accounts.models import User
from webapp.common.errors import NotAllowed, NotFound
from webapp.workspaces.models import Membership, Role, Workspace


class Right(StrEnum):
    """What can be asked of a workspace."""

    READ = "read"
    RUN = "run"
    UPLOAD = "upload"
    SAVE_WORKFLOW = "save workflows"
    CANCEL_ANY_RUN = "cancel other people's runs"


RANK = {role: rank for rank, role in enumerate(Role)}
LEAST_ROLE = {
    Right.READ: Role.VIEWER,
    Right.RUN: Role.MEMBER,
    Right.UPLOAD: Role.MEMBER,
    Right.SAVE_WORKFLOW: Role.EDITOR,
    Right.CANCEL_ANY_RUN: Role.ADMIN,
}


def require(user: User, workspace: Workspace, right: Right) -> Role:
    """The role by which `user` has `right`. Raises NotFound for strangers, NotAllowed for lesser roles."""
    role = find_role(user, workspace)
    if role is None:
        raise no_such_workspace(workspace.slug)
    if not has_right(role, right):
        raise NotAllowed(f"To {right} takes the role {LEAST_ROLE[right]}; yours is {role}.")
    return role


def find_role(user: User, workspace: Workspace) -> Role | None:
    """The role of `user`, or None for a stranger."""
    membership = Membership.objects.filter(user=user, workspace=workspace).first()
    return None if membership is None else Role(membership.role)


def has_right(role: Role, right: Right) -> bool:
    """Whether `role` carries `right`."""
    return RANK[role] >= RANK[LEAST_ROLE[right]]


def no_such_workspace(slug: str) -> NotFound:
    """The answer for a foreign workspace and for one that is not there: they must not differ."""
    return NotFound(f"There is no workspace {slug!r}.")
