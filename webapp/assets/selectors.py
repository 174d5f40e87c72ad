"""Reading assets."""

from collections.abc import Collection, Iterator
from typing import Final

from django.db.models import QuerySet

from webapp.assets.file_kinds import LATENT_MEDIA_TYPE
from webapp.assets.models import Asset, Source
from webapp.common.errors import NotFound
from webapp.common.ids import parse_id
from webapp.common.paging import Page, page_of
from webapp.workspaces.models import Workspace

REFERENCE: Final = "asset:"
# What a list of choices shows; older ones are still found by name.
MAX_LISTED_NAMES = 500


def list_assets(
    workspace: Workspace, *, source: Source | None, cursor: str | None, limit: int
) -> Page[Asset]:
    """Assets that people keep, newest first."""
    rows = Asset.objects.filter(workspace=workspace, is_temporary=False)
    if source is not None:
        rows = rows.filter(source=source)
    return page_of(rows, cursor, limit)


def get_asset(workspace: Workspace, asset_id: str) -> Asset:
    """The asset of this id. Raises NotFound."""
    key = parse_id(asset_id)
    asset = Asset.objects.filter(workspace=workspace, pk=key).first() if key else None
    if asset is None:
        raise NotFound(f"There is no asset {asset_id!r} in this workspace.")
    return asset


def find_by_reference(workspace: Workspace, reference: str) -> Asset | None:
    """The asset that a graph means by `asset:<sha256>` or by a name."""
    rows = Asset.objects.filter(workspace=workspace)
    if reference.startswith(REFERENCE):
        return rows.filter(sha256=reference.removeprefix(REFERENCE)).first()
    return rows.filter(name=reference).first()


class AssetNames(Collection[str]):
    """The references that an input of one kind takes, without reading thousands of names to check one."""

    def __init__(self, workspace: Workspace, kind: str) -> None:
        """`kind` is "image" or "latent"."""
        self._workspace = workspace
        self._kind = kind

    def _rows(self) -> "QuerySet[Asset]":
        rows = Asset.objects.filter(workspace=self._workspace)
        if self._kind == "latent":
            return rows.filter(media_type=LATENT_MEDIA_TYPE)
        return rows.filter(media_type__startswith="image/")

    def __contains__(self, reference: object) -> bool:
        if not isinstance(reference, str):
            return False
        asset = find_by_reference(self._workspace, reference)
        return asset is not None and self._rows().filter(pk=asset.pk).exists()

    def __iter__(self) -> Iterator[str]:
        listed = self._rows().filter(is_temporary=False).order_by("-pk")
        return iter(listed.values_list("name", flat=True)[:MAX_LISTED_NAMES])

    def __len__(self) -> int:
        return min(self._rows().filter(is_temporary=False).count(), MAX_LISTED_NAMES)
