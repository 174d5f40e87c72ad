"""The API: every app's router under one roof."""

from ninja import NinjaAPI
from ninja.security import django_auth

from webapp.assets.views import router as assets
from webapp.common.api import StrictParser
from webapp.common.problems import register_problems
from webapp.runs.views import router as runs
from webapp.workflows.views import router as workflows
from webapp.workspaces.views import router as session


def build_api() -> NinjaAPI:
    """A fresh API object: people sign in by session cookie; whoever forgets a guard gets this one."""
    api = NinjaAPI(title="Atelier", version="1", docs_url=None, auth=django_auth, parser=StrictParser())
    register_problems(api)
    for router in (session, runs, assets, workflows):
        api.add_router("", router)
    return api
