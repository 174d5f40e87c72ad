"""Uploads: what is taken, what it is called, and that the same bytes are kept once."""

import pytest
from django.core.files.storage import default_storage

from tests.webapp.conftest import Caller
from tests.webapp.pictures import as_file, make_jpeg, make_png, make_safetensors, make_webp
from webapp.accounts.models import User
from webapp.assets.models import Asset
from webapp.assets.services import upload_asset
from webapp.common.errors import TooLarge
from webapp.common.limits import MAX_UPLOAD_BYTES
from webapp.workspaces.models import Workspace

KINDS = {
    "image/png": make_png(31, 17),
    "image/jpeg": make_jpeg(31, 17),
    "image/webp": make_webp(31, 17),
}
REFUSED = {
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix.",
    "zip": b"PK\x03\x04" + bytes(40),
    "gif": b"GIF89a" + bytes(20),
    "empty": b"",
    "cut PNG": make_png()[:20],
    "cut JPEG": make_jpeg(8, 8)[:5],
    "cut WebP": make_webp(8, 8)[:14],
    "safetensors without its header": make_safetensors()[:12],
    "endless safetensors header": b"\xff" * 8 + b"{}",
}


@pytest.mark.parametrize("media_type", KINDS)
def test_a_picture_is_known_by_its_bytes(media_type: str, as_alice: Caller) -> None:
    answer = as_alice.upload(as_file(KINDS[media_type], "any.bin"))
    assert answer.status_code == 201
    asset = answer.json()
    assert (asset["media_type"], asset["width"], asset["height"]) == (media_type, 31, 17)


def test_a_latent_is_taken(as_alice: Caller) -> None:
    asset = as_alice.upload(as_file(make_safetensors(), "a.latent")).json()
    assert (asset["media_type"], asset["name"]) == ("application/x-safetensors", "a.latent")


@pytest.mark.parametrize("case", REFUSED)
def test_other_files_are_refused(case: str, as_alice: Caller) -> None:
    assert as_alice.upload(as_file(REFUSED[case], "cat.png")).status_code in (415, 422)
    assert Asset.objects.count() == 0


def test_the_same_bytes_again_are_the_same_asset(as_alice: Caller, as_bob: Caller) -> None:
    first = as_alice.upload(as_file(make_png(), "cat.png"))
    again = as_bob.upload(as_file(make_png(), "dog.png"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]


def test_two_workspaces_share_no_asset(as_alice: Caller, charlie: User) -> None:
    first = as_alice.upload(as_file(make_png(), "cat.png"))
    other = Caller(charlie, "south").upload(as_file(make_png(), "cat.png"))
    assert other.status_code == 201
    assert other.json()["id"] != first.json()["id"]


def test_a_taken_name_gets_a_number(as_alice: Caller) -> None:
    names = [as_alice.upload(as_file(make_png(seed=seed), "cat.png")).json()["name"] for seed in range(3)]
    assert names == ["cat.png", "cat (2).png", "cat (3).png"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd.png"),
        ("C:\\pictures\\cat.PNG", "cat.png"),
        ("cat.html", "cat.png"),
        ("a<b>:c.png", "a_b__c.png"),
        ("...", "file.png"),
        ("x" * 300 + ".png", "x" * 160 + ".png"),
    ],
)
def test_names_are_cleaned(given: str, kept: str, as_alice: Caller) -> None:
    workspace, user = Workspace.objects.get(), User.objects.get()
    content = make_png()
    uploaded = upload_asset(
        user=user, workspace=workspace, file=as_file(content, "f"), name=given, size_bytes=len(content)
    )
    assert uploaded.asset.name == kept


def test_a_name_beside_the_file_wins(as_alice: Caller) -> None:
    assert as_alice.upload(as_file(make_png(), "cat.png"), name="dog.png").json()["name"] == "dog.png"


def test_a_name_that_is_too_long_is_invalid(as_alice: Caller) -> None:
    assert as_alice.upload(as_file(make_png(), "cat.png"), name="x" * 201).status_code == 422


def test_64_megapixels_are_taken(as_alice: Caller) -> None:
    assert as_alice.upload(as_file(make_png(8000, 8000), "a.png")).status_code == 201


def test_one_row_more_is_refused(as_alice: Caller) -> None:
    answer = as_alice.upload(as_file(make_png(8000, 8001), "a.png"))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "too_many_pixels"


def test_one_byte_more_than_100_mb_is_refused(alice: User, workspace: Workspace) -> None:
    with pytest.raises(TooLarge):
        upload_asset(
            user=alice,
            workspace=workspace,
            file=as_file(make_png(), "a.png"),
            name="a.png",
            size_bytes=MAX_UPLOAD_BYTES + 1,
        )


def test_an_upload_without_a_file_is_invalid(as_alice: Caller) -> None:
    answer = as_alice.client.post(f"{as_alice.root}/assets", {"name": "cat.png"})
    assert answer.status_code == 422


@pytest.mark.parametrize("body", [b'{"file": "/etc/passwd"}', b'{"filepath": "/etc/passwd", "name": "a"}'])
def test_json_is_no_upload(body: bytes, as_alice: Caller) -> None:
    answer = as_alice.client.post(f"{as_alice.root}/assets", body, content_type="application/json")
    assert answer.status_code in (415, 422)


def test_bytes_lie_under_workspace_and_digest(as_alice: Caller) -> None:
    as_alice.upload(as_file(make_png(), "cat.png"))
    asset = Asset.objects.get()
    assert asset.storage_key == f"{asset.workspace_id}/{asset.sha256}"
    with default_storage.open(asset.storage_key) as file:
        assert file.read() == make_png()


def test_lists_go_by_source(as_alice: Caller) -> None:
    as_alice.upload(as_file(make_png(), "cat.png"))
    assert len(as_alice.get("assets", source="upload").json()["items"]) == 1
    assert as_alice.get("assets", source="run").json()["items"] == []


def test_an_unknown_source_is_invalid(as_alice: Caller) -> None:
    assert as_alice.get("assets", source="elsewhere").status_code == 422
