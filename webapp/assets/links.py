"""Signed links to stored files: they need no cookie, so that pictures can be shown, and end by themselves."""

import time
from uuid import UUID

from django.core.signing import BadSignature, Signer

from webapp.assets.models import Asset
from webapp.common.errors import NotFound
from webapp.common.ids import parse_id
from webapp.common.limits import FILE_URL_HOURS

SECONDS_AN_HOUR = 3600
SALT = "atelier.files"


def asset_url(asset: Asset, *, now_s: float | None = None) -> str:
    """A link that works for one to two hours. It is the same all hour long, so that browsers can cache it."""
    hour = int((time.time() if now_s is None else now_s) // SECONDS_AN_HOUR)
    expires_hour = hour + 1 + FILE_URL_HOURS
    return f"/files/{_signer().sign(f'{asset.id.hex}.{expires_hour}')}"


def read_token(token: str, *, now_s: float | None = None) -> UUID:
    """The asset's id in a token of ours that still holds. Raises NotFound."""
    now = time.time() if now_s is None else now_s
    try:
        asset_id, _, expires_hour = _signer().unsign(token).partition(".")
    except BadSignature as error:
        raise NotFound("This link is not one of ours.") from error
    if now >= int(expires_hour) * SECONDS_AN_HOUR:
        raise NotFound("This link has expired: open the file from the studio again.")
    found = parse_id(asset_id)
    if found is None:
        raise NotFound("This link is not one of ours.")
    return found


def _signer() -> Signer:
    return Signer(sep="~", salt=SALT)
