"""manage.py openapi: write the API's schema for the front end."""

import json

from django.core.management.base import BaseCommand

from webapp.config.environment import BASE
from webapp.config.urls import api

SCHEMA = BASE / "frontend" / "openapi.json"


def render_schema() -> str:
    """The OpenAPI document as it is committed."""
    return json.dumps(api.get_openapi_schema(), indent=2, sort_keys=True, default=str) + "\n"


class Command(BaseCommand):
    """Writes frontend/openapi.json, from which the front end's types are generated."""

    help = "Write frontend/openapi.json."

    def handle(self, **_options: object) -> None:
        """Write the schema."""
        SCHEMA.parent.mkdir(exist_ok=True)
        SCHEMA.write_text(render_schema(), encoding="utf-8")
        self.stdout.write(f"{SCHEMA} written")
