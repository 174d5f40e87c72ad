"""The app's registration with Django."""

from django.apps import AppConfig


class RunsConfig(AppConfig):
    """Queue, workers, runs."""

    name = "webapp.runs"
    label = "runs"
    default_auto_field = "django.db.models.BigAutoField"
