# ruff: noqa: N999  the name is what people type
"""manage.py login-link [EMAIL]: print a link that signs in once."""

from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from webapp.accounts.managers import normal_email
from webapp.accounts.models import User
from webapp.accounts.services import issue_login_link
from webapp.common.limits import LOGIN_LINK_MINUTES


class Command(BaseCommand):
    """Prints a one-use sign-in link, of the first owner when no email is given."""

    help = f"Print a sign-in link: one use, {LOGIN_LINK_MINUTES} minutes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The account is optional: the first one is the owner's."""
        parser.add_argument("email", nargs="?", help="whom to sign in; the first owner when left out")

    def handle(self, *, email: str | None, **_options: object) -> None:
        """Print the link alone, so that scripts can use it."""
        users = User.objects.filter(is_active=True)
        if email is not None:
            users = users.filter(email=normal_email(email))
        user = users.order_by("created_at").first()
        if user is None:
            raise CommandError(f"No account {email or 'yet: run manage.py start first'}.")
        self.stdout.write(f"{_address()}/login/{issue_login_link(user=user)}")


def _address() -> str:
    """Where the running service is reached, or where it would be."""
    try:
        return str(settings.ADDRESS_FILE.read_text())
    except FileNotFoundError:
        return str(settings.PUBLIC_URL)
