from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from webapp.accounts.models import LoginLink, User
from webapp.accounts.services import issue_login_link
from webapp.common.limits import SIGN_INS_PER_ACCOUNT_A_MINUTE

PASSWORD = "correct horse battery"


@pytest.fixture
def link(alice: User) -> str:
    return f"/login/{issue_login_link(user=alice)}"


def sign_in(client: Client, password: str, email: str = "alice@example.org") -> int:
    body = {"email": email, "password": password}
    return client.post("/api/v1/session", body, content_type="application/json").status_code


def test_a_link_signs_in(client: Client, link: str) -> None:
    assert client.get(link).status_code == 302
    assert client.get("/api/v1/session").json()["user"]["email"] == "alice@example.org"


def test_a_link_works_once(client: Client, link: str) -> None:
    client.get(link)
    assert Client().get(link).status_code == 410


def test_a_link_ends_after_ten_minutes(client: Client, link: str) -> None:
    LoginLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(link).status_code == 410


def test_a_look_at_a_link_does_not_use_it_up(client: Client, link: str) -> None:
    client.head(link)
    assert client.get(link).status_code == 302


def test_the_database_keeps_no_link_that_works(link: str) -> None:
    assert link.removeprefix("/login/") not in str(list(LoginLink.objects.values()))


def test_the_password_signs_in(client: Client, alice: User) -> None:
    assert sign_in(client, PASSWORD) == 200


def test_mail_addresses_know_no_case(client: Client, alice: User) -> None:
    body = {"email": "ALICE@example.org", "password": PASSWORD}
    assert client.post("/api/v1/session", body, content_type="application/json").status_code == 200


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    client: Client, alice: User, email: str
) -> None:
    assert sign_in(client, "wrong", email) == 401


def test_guessing_is_slowed_down(client: Client, alice: User) -> None:
    answers = [sign_in(client, "wrong") for _ in range(SIGN_INS_PER_ACCOUNT_A_MINUTE + 1)]
    assert answers[-1] == 429


def test_signing_in_needs_a_csrf_token(alice: User) -> None:
    assert sign_in(Client(enforce_csrf_checks=True), PASSWORD) == 403


def test_signing_out_ends_the_session(client: Client, alice: User) -> None:
    client.force_login(alice)
    client.delete("/api/v1/session")
    assert client.get("/api/v1/session").status_code == 401
