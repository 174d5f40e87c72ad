"""People, workspaces and signed-in clients."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from tests.webapp.pictures import make_safetensors
from webapp.accounts.models import User
from webapp.workspaces.models import Membership, Role, Workspace
from webapp.workspaces.services import create_workspace

Join = Callable[[User, Role], User]
CHECKPOINT = "tiny.safetensors"


@pytest.fixture(autouse=True)
def _own_folders(settings: LazySettings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "assets"
    settings.MODELS_ROOT = tmp_path / "models"
    settings.FRONTEND_DIST = tmp_path / "dist"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    (tmp_path / "models" / "checkpoints").mkdir(parents=True)
    (tmp_path / "models" / "checkpoints" / CHECKPOINT).write_bytes(make_safetensors())


@pytest.fixture
def alice(db: None) -> User:
    """The owner of the workspace."""
    return User.objects.create_user("alice@example.org", "correct horse battery", name="Alice")


@pytest.fixture
def workspace(alice: User) -> Workspace:
    return create_workspace(owner=alice, slug="north", name="North")


@pytest.fixture
def join(workspace: Workspace) -> Join:
    """Makes somebody a member."""

    def join(user: User, role: Role) -> User:
        Membership.objects.create(workspace=workspace, user=user, role=role)
        return user

    return join


@pytest.fixture
def bob(join: Join) -> User:
    """A member of Alice's workspace."""
    return join(User.objects.create_user("bob@example.org", name="Bob"), Role.MEMBER)


@pytest.fixture
def charlie(db: None) -> User:
    """The owner of another workspace."""
    user = User.objects.create_user("charlie@example.org", name="Charlie")
    create_workspace(owner=user, slug="south", name="South")
    return user


class Caller:
    """Calls a workspace's API as one person, and as a browser does."""

    def __init__(self, user: User | None, slug: str) -> None:
        self.client = Client()
        self.root = f"/api/v1/workspaces/{slug}"
        if user is not None:
            self.client.force_login(user)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"{self.root}/{path}", query_params=query)

    def post(self, path: str, body: object, **headers: str) -> Any:
        return self.client.post(
            f"{self.root}/{path}", body, content_type="application/json", headers=dict(headers)
        )

    def patch(self, path: str, body: object) -> Any:
        return self.client.patch(f"{self.root}/{path}", body, content_type="application/json")

    def upload(self, file: object, **fields: str) -> Any:
        return self.client.post(f"{self.root}/assets", {"file": file, **fields})


@pytest.fixture
def as_alice(alice: User, workspace: Workspace) -> Caller:
    return Caller(alice, workspace.slug)


@pytest.fixture
def as_bob(bob: User, workspace: Workspace) -> Caller:
    return Caller(bob, workspace.slug)


@pytest.fixture
def as_charlie(charlie: User, workspace: Workspace) -> Caller:
    """A stranger who knows the address."""
    return Caller(charlie, workspace.slug)


@pytest.fixture
def as_nobody(workspace: Workspace) -> Caller:
    return Caller(None, workspace.slug)


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A built front end."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Atelier</title>")
    (folder / "assets" / "index-abc123.js").write_text("export {}")
    return folder
