"""How users are made."""

from typing import TYPE_CHECKING

from django.contrib.auth.models import BaseUserManager

if TYPE_CHECKING:
    from webapp.accounts.models import User


class UserManager(BaseUserManager["User"]):
    """Makes users who sign in with their email address, compared without regard to case."""

    def create_user(self, email: str, password: str | None = None, *, name: str = "") -> "User":
        """A new user; without a password only login links open the door."""
        user = self.model(email=normal_email(email), name=name)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user with this email address."""
        return self.get(email=normal_email(username or ""))


def normal_email(email: str) -> str:
    """The one spelling under which an address is stored and looked up."""
    return email.strip().lower()
