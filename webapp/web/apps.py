"""The app's registration with Django."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """The page around the API."""

    name = "webapp.web"
    label = "web"
