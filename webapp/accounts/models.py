"""Users, the links that sign them in, and the record of sign-in attempts."""

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.db import models

from webapp.accounts.managers import UserManager
from webapp.common.ids import new_id
from webapp.common.limits import MAX_NAME_CHARS


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The first owner of an instance has no email until the set-up form is sent."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=MAX_NAME_CHARS, blank=True)
    needs_setup = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return self.name or self.email


class LoginLink(models.Model):
    """A link that signs its user in once. Only the token's hash is kept."""

    token_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="login_links")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"login link of {self.user_id}"


class SignInAttempt(models.Model):
    """One try to sign in by password, kept for as long as it counts against the rate limit."""

    key = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["key", "at"], name="sign_in_attempt_key_at")
        ]

    def __str__(self) -> str:
        return self.key
