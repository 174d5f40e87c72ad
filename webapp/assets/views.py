"""Assets over HTTP."""

from typing import Annotated, BinaryIO, cast

from django.http import HttpRequest
from ninja import File, Form, Query, Router, Status, UploadedFile

from webapp.accounts.sessions import signed_in
from webapp.assets.models import Source
from webapp.assets.schemas import AssetOut, AssetPage, asset_out
from webapp.assets.selectors import get_asset, list_assets
from webapp.assets.services import upload_asset
from webapp.common.api import READ_PROBLEMS, WRITE_PROBLEMS
from webapp.common.limits import MAX_NAME_CHARS, MAX_PAGE_ITEMS, PAGE_ITEMS
from webapp.workspaces.selectors import get_workspace

router = Router(tags=["assets"])


@router.post("/workspaces/{slug}/assets", response={201: AssetOut, 200: AssetOut, **WRITE_PROBLEMS})
def upload(
    request: HttpRequest,
    slug: str,
    file: Annotated[UploadedFile, File()],
    name: Annotated[str | None, Form(max_length=MAX_NAME_CHARS)] = None,
) -> Status[AssetOut]:
    """Upload a picture or a latent. 201 makes an asset; 200 gives the one that has these bytes already."""
    user = signed_in(request)
    workspace = get_workspace(user, slug)
    uploaded = upload_asset(
        user=user,
        workspace=workspace,
        file=cast(BinaryIO, file),
        name=name or file.name or "",
        size_bytes=file.size or 0,
    )
    return Status(201 if uploaded.is_new else 200, asset_out(uploaded.asset))


@router.get("/workspaces/{slug}/assets", response={200: AssetPage, **READ_PROBLEMS})
def read_assets(
    request: HttpRequest,
    slug: str,
    source: Source | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_ITEMS)] = PAGE_ITEMS,
) -> AssetPage:
    """Assets, newest first."""
    workspace = get_workspace(signed_in(request), slug)
    page = list_assets(workspace, source=source, cursor=cursor, limit=limit)
    return AssetPage(items=[asset_out(asset) for asset in page.items], next_cursor=page.next_cursor)


@router.get("/workspaces/{slug}/assets/{asset_id}", response={200: AssetOut, **READ_PROBLEMS})
def read_asset(request: HttpRequest, slug: str, asset_id: str) -> AssetOut:
    """One asset."""
    return asset_out(get_asset(get_workspace(signed_in(request), slug), asset_id))
