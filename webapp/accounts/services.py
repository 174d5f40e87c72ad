"""Sign-in and the first owner's set-up."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from webapp.accounts.managers import normal_email
from webapp.accounts.models import LoginLink, SignInAttempt, User
from webapp.common.errors import Conflict, Fault, Gone, Invalid, NotSignedIn, TooMany
from webapp.common.limits import (
    LOGIN_LINK_MINUTES,
    SIGN_INS_PER_ACCOUNT_A_MINUTE,
    SIGN_INS_PER_ADDRESS_A_MINUTE,
)

TOKEN_BYTES = 32
WINDOW = timedelta(minutes=1)


def issue_login_link(*, user: User) -> str:
    """A fresh token that signs `user` in once within ten minutes. Only its hash is kept."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = timezone.now()
    LoginLink.objects.filter(expires_at__lt=now).delete()
    LoginLink.objects.create(
        token_hash=hash_of(token), user=user, expires_at=now + timedelta(minutes=LOGIN_LINK_MINUTES)
    )
    return token


@transaction.atomic
def redeem_login_link(*, token: str) -> User:
    """The user whom `token` signs in; the token is used up. Raises Gone."""
    now = timezone.now()
    # One statement decides, so that two clicks at once cannot both win.
    fresh = LoginLink.objects.filter(token_hash=hash_of(token), used_at=None, expires_at__gt=now)
    if not fresh.update(used_at=now):
        raise Gone("This sign-in link was used before, has expired, or never was.")
    user = LoginLink.objects.select_related("user").get(token_hash=hash_of(token)).user
    if not user.is_active:
        raise Gone("This account is closed.")
    return user


def sign_in_with_password(*, email: str, password: str, address: str) -> User:
    """The user with these credentials. Raises NotSignedIn, and TooMany when asked too often."""
    _count_attempt(f"account:{normal_email(email)}", SIGN_INS_PER_ACCOUNT_A_MINUTE)
    _count_attempt(f"address:{address}", SIGN_INS_PER_ADDRESS_A_MINUTE)
    user = authenticate(username=normal_email(email), password=password)
    if not isinstance(user, User):
        raise NotSignedIn("No account has this email and password.")
    return user


@transaction.atomic
def set_credentials(*, user: User, email: str, password: str, name: str) -> User:
    """Give a new `user` an address and a password of their own. Raises Invalid, Conflict."""
    if not user.needs_setup:
        raise Conflict("This account is set up already.")
    email, name = normal_email(email), name.strip()
    _check_credentials(user, email, password, name)
    user.email, user.name, user.needs_setup = email, name, False
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise Conflict("Another account has this email address.") from error
    return user


def hash_of(secret: str) -> str:
    """What is stored of a long random secret: a plain digest of one cannot be guessed backwards."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _count_attempt(key: str, limit: int) -> None:
    now = timezone.now()
    hashed = hash_of(key)
    SignInAttempt.objects.filter(at__lt=now - WINDOW).delete()
    if SignInAttempt.objects.filter(key=hashed).count() >= limit:
        raise TooMany("Too many attempts to sign in. Wait a minute, then try again.")
    SignInAttempt.objects.create(key=hashed)


def _check_credentials(user: User, email: str, password: str, name: str) -> None:
    faults = []
    if not name:
        faults.append(Fault(None, "name", "missing", "Enter your name."))
    try:
        validate_email(email)
    except ValidationError:
        faults.append(Fault(None, "email", "invalid", "Enter an email address."))
    try:
        validate_password(password, user)
    except ValidationError as error:
        faults += [Fault(None, "password", "weak", message) for message in error.messages]
    if faults:
        raise Invalid("Some fields need another value.", faults)
