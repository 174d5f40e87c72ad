# ruff: noqa: N999  the name is what people type
"""manage.py settings-page: write the reference page of all settings."""

from django.core.management.base import BaseCommand

from webapp.config.settings_page import PAGE, render_settings


class Command(BaseCommand):
    """Writes docs/reference/settings.md."""

    help = "Write docs/reference/settings.md."

    def handle(self, **_options: object) -> None:
        """Write the page."""
        PAGE.write_text(render_settings(), encoding="utf-8")
        self.stdout.write(f"{PAGE} written")
