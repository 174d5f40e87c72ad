"""Login links, passwords, sessions, and the first owner's set-up."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from webapp.accounts.models import LoginLink, User
from webapp.accounts.services import hash_of, issue_login_link
from webapp.workspaces.models import Role
from webapp.workspaces.services import ensure_first_workspace

PASSWORD = "correct horse battery"
CHOSEN = {"email": "Ada@Example.org", "password": "a long enough passphrase", "name": "Ada"}


def sign_in(client: Client, password: str = PASSWORD, email: str = "alice@example.org") -> int:
    body = {"email": email, "password": password}
    return client.post("/api/v1/session", body, content_type="application/json").status_code


@pytest.fixture
def owner(db: None) -> User:
    return ensure_first_workspace()


@pytest.fixture
def owners_client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def test_a_link_signs_in_and_leads_to_the_page(alice: User) -> None:
    client = Client()
    answer = client.get(f"/login/{issue_login_link(user=alice)}")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/api/v1/session").json()["user"]["email"] == "alice@example.org"


def test_a_link_works_once(alice: User) -> None:
    token = issue_login_link(user=alice)
    Client().get(f"/login/{token}")
    second = Client().get(f"/login/{token}")
    assert second.status_code == 410
    assert b"login-link" in second.content


def test_a_link_works_for_ten_minutes(alice: User) -> None:
    token = issue_login_link(user=alice)
    LoginLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().get(f"/login/{token}").status_code == 410


def test_an_unknown_link_is_gone(db: None) -> None:
    assert Client().get("/login/nonsense").status_code == 410


def test_looking_at_a_link_does_not_use_it_up(alice: User) -> None:
    token = issue_login_link(user=alice)
    assert Client().head(f"/login/{token}").status_code == 405
    assert Client().get(f"/login/{token}").status_code == 302


def test_only_a_hash_of_the_link_is_kept(alice: User) -> None:
    token = issue_login_link(user=alice)
    assert LoginLink.objects.get().token_hash == hash_of(token) != token


def test_the_link_of_a_closed_account_is_gone(alice: User) -> None:
    token = issue_login_link(user=alice)
    User.objects.update(is_active=False)
    assert Client().get(f"/login/{token}").status_code == 410


def test_the_command_prints_a_link_that_works(owner: User) -> None:
    printed = StringIO()
    call_command("login-link", stdout=printed)
    path = printed.getvalue().strip().removeprefix("http://127.0.0.1:8188")
    assert Client().get(path).status_code == 302


def test_a_password_signs_in(alice: User) -> None:
    assert sign_in(Client()) == 200


def test_addresses_are_compared_without_case(alice: User) -> None:
    assert sign_in(Client(), email=" ALICE@example.org ") == 200


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
def test_a_wrong_password_and_an_unknown_address_look_the_same(email: str, alice: User) -> None:
    body = {"email": email, "password": "wrong"}
    answer = Client().post("/api/v1/session", body, content_type="application/json")
    assert answer.status_code == 401
    assert answer.json()["detail"] == "No account has this email and password."


def test_guessing_is_slowed_down(alice: User) -> None:
    statuses = [sign_in(Client(), "wrong") for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    assert sign_in(Client()) == 429


def test_guessing_at_many_accounts_is_slowed_down(alice: User) -> None:
    statuses = {sign_in(Client(), "wrong", f"user{number}@example.org") for number in range(20)}
    assert statuses == {401}
    assert sign_in(Client(), "wrong", "another@example.org") == 429


def test_signing_in_takes_a_csrf_token(alice: User) -> None:
    assert sign_in(Client(enforce_csrf_checks=True)) == 403


def test_the_session_hands_out_the_token_to_strangers(db: None) -> None:
    client = Client()
    assert client.get("/api/v1/session").status_code == 401
    assert client.cookies["csrftoken"].value


def test_signing_out_ends_the_session(owners_client: Client) -> None:
    assert owners_client.delete("/api/v1/session").status_code == 204
    assert owners_client.get("/api/v1/session").status_code == 401


def test_the_session_cookie_is_out_of_scripts_reach(alice: User) -> None:
    client = Client()
    sign_in(client)
    cookie = client.cookies["atelier"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_an_empty_instance_gets_an_owner_and_a_workspace(owner: User, owners_client: Client) -> None:
    session = owners_client.get("/api/v1/session").json()
    assert session["user"]["needs_setup"]
    assert session["workspaces"] == [{"slug": "studio", "name": "Studio", "role": Role.OWNER}]


def test_a_second_start_makes_nothing(owner: User) -> None:
    assert ensure_first_workspace() == owner
    assert User.objects.count() == 1


def test_the_first_owner_chooses_credentials(owners_client: Client) -> None:
    answer = owners_client.put("/api/v1/session/credentials", CHOSEN, content_type="application/json")
    assert answer.json()["user"] | {"id": None} == {
        "id": None,
        "email": "ada@example.org",
        "name": "Ada",
        "needs_setup": False,
    }
    assert owners_client.get("/api/v1/session").status_code == 200
    assert sign_in(Client(), CHOSEN["password"], "ada@example.org") == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "no address"), ("password", "short"), ("password", "password1234"), ("name", " ")],
)
def test_unfit_credentials_are_told_by_field(field: str, value: str, owners_client: Client) -> None:
    answer = owners_client.put(
        "/api/v1/session/credentials", CHOSEN | {field: value}, content_type="application/json"
    )
    assert answer.status_code == 422
    assert [error["input"] for error in answer.json()["errors"]] == [field]


def test_a_taken_address_is_a_conflict(owners_client: Client, alice: User) -> None:
    taken = CHOSEN | {"email": "alice@example.org"}
    answer = owners_client.put("/api/v1/session/credentials", taken, content_type="application/json")
    assert answer.status_code == 409


def test_a_stolen_session_cannot_change_credentials(owners_client: Client) -> None:
    owners_client.put("/api/v1/session/credentials", CHOSEN, content_type="application/json")
    again = owners_client.put("/api/v1/session/credentials", CHOSEN, content_type="application/json")
    assert again.status_code == 409
