"""Making workspaces."""

from django.db import transaction

from webapp.accounts.models import User
from webapp.workspaces.models import Membership, Role, Workspace

FIRST_SLUG = "studio"
FIRST_NAME = "Studio"
# Nobody can receive mail there (RFC 2606): the address stands until the owner enters a real one.
FIRST_OWNER_EMAIL = "owner@atelier.invalid"


@transaction.atomic
def create_workspace(*, owner: User, slug: str, name: str) -> Workspace:
    """A new workspace with its owner."""
    workspace = Workspace.objects.create(slug=slug, name=name)
    Membership.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
    return workspace


@transaction.atomic
def ensure_first_workspace() -> User:
    """The first owner, made with a first workspace on an empty instance."""
    first = User.objects.order_by("created_at").first()
    if first is not None:
        return first
    owner = User.objects.create_user(FIRST_OWNER_EMAIL)
    owner.needs_setup = True
    owner.is_staff = owner.is_superuser = True
    owner.save()
    create_workspace(owner=owner, slug=FIRST_SLUG, name=FIRST_NAME)
    return owner
