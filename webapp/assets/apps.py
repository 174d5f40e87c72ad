"""The app's registration with Django."""

from django.apps import AppConfig


class AssetsConfig(AppConfig):
    """Stored inputs and outputs."""

    name = "webapp.assets"
    label = "assets"
    default_auto_field = "django.db.models.BigAutoField"
