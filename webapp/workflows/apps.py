"""The app's registration with Django."""

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    """Saved graphs and their versions."""

    name = "webapp.workflows"
    label = "workflows"
    default_auto_field = "django.db.models.BigAutoField"
