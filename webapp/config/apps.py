"""The app's registration with Django."""

from django.apps import AppConfig

from webapp.config.celery import app as celery


class ConfigConfig(AppConfig):
    """Commands that run the whole service."""

    name = "webapp.config"
    label = "config"

    def ready(self) -> None:
        """Let every process ring the same bell: senders look for the current Celery application."""
        celery.set_default()
