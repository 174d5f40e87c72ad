"""The app's registration with Django."""

from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    """Tenants, members, rights."""

    name = "webapp.workspaces"
    label = "workspaces"
    default_auto_field = "django.db.models.BigAutoField"
