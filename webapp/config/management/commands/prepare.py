"""manage.py prepare: database, first owner, demo checkpoint, for those who start the programs themselves."""

from django.conf import settings
from django.core.management.base import BaseCommand

from webapp.config.preparation import make_demo_checkpoint, migrate_if_needed
from webapp.workspaces.services import ensure_first_workspace


class Command(BaseCommand):
    """Does what has to be done before the first start, and nothing when it is done."""

    help = "Migrate the database, make the first owner and, if there is no checkpoint, the demo one."

    def handle(self, **_options: object) -> None:
        """Prepare."""
        migrate_if_needed()
        ensure_first_workspace()
        make_demo_checkpoint(settings.ENVIRONMENT)
