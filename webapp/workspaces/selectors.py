"""Reading workspaces."""

from webapp.accounts.models import User
from webapp.workspaces.models import Membership, Workspace
from webapp.workspaces.rights import Right, no_such_workspace, require


def get_workspace(user: User, slug: str, right: Right = Right.READ) -> Workspace:
    """The workspace, if `user` has `right` in it. Raises NotFound, NotAllowed."""
    workspace = Workspace.objects.filter(slug=slug).first()
    if workspace is None:
        raise no_such_workspace(slug)
    require(user, workspace, right)
    return workspace


def memberships_of(user: User) -> list[Membership]:
    """The memberships of `user`, oldest first."""
    return list(Membership.objects.filter(user=user).select_related("workspace").order_by("created_at", "pk"))
