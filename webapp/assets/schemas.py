"""What the asset API speaks."""

from datetime import datetime
from uuid import UUID

from ninja import Schema

from webapp.assets.links import asset_url
from webapp.assets.models import Asset, Source


class AssetOut(Schema):
    """A stored file. `url` is signed and ends after an hour or two: do not keep it."""

    id: UUID
    name: str
    sha256: str
    media_type: str
    size_bytes: int
    width: int | None
    height: int | None
    url: str
    created_at: datetime
    run_id: UUID | None
    source: Source


class AssetPage(Schema):
    """Assets, newest first."""

    items: list[AssetOut]
    next_cursor: str | None


def asset_out(asset: Asset) -> AssetOut:
    """The document of `asset`."""
    return AssetOut(
        id=asset.id,
        name=asset.name,
        sha256=asset.sha256,
        media_type=asset.media_type,
        size_bytes=asset.size_bytes,
        width=asset.width,
        height=asset.height,
        url=asset_url(asset),
        created_at=asset.created_at,
        run_id=asset.run_id,
        source=Source(asset.source),
    )
