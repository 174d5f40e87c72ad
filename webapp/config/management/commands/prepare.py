"""manage.py prepare: database, first owner, demo models, for those who start the programs themselves."""

from django.conf import settings
from django.core.management.base import BaseCommand

from webapp.config.preparation import link_demo_models, migrate_if_needed
from webapp.workspaces.services import ensure_first_workspace


class Command(BaseCommand):
    """Does what has to be done before the first start, and nothing when it is done."""

    help = "Migrate the database, make the first owner, link the demo models."

    def handle(self, **_options: object) -> None:
        """Prepare."""
        migrate_if_needed()
        ensure_first_workspace()
        link_demo_models(settings.ENVIRONMENT)
