"""Making assets: from uploads, and from what runs bring out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

from django.db import transaction

from webapp.accounts.models import User
from webapp.assets.file_kinds import FileKind, find_kind
from webapp.assets.models import Asset, Source
from webapp.assets.names import clean_name, free_name, next_output_name
from webapp.assets.storage import StoredContent, store_file
from webapp.common.errors import Fault, Invalid, TooLarge, UnsupportedType
from webapp.common.limits import MAX_PICTURE_PIXELS, MAX_UPLOAD_BYTES
from webapp.workspaces.models import Workspace
from webapp.workspaces.rights import Right, require


@dataclass(frozen=True)
class OutputContent:
    """A run's output whose bytes are stored already."""

    stored: StoredContent
    media_type: str
    prefix: str
    suffix: str
    width: int | None
    height: int | None
    is_temporary: bool


@dataclass(frozen=True)
class Uploaded:
    """The asset, and whether the upload made it."""

    asset: Asset
    is_new: bool


def upload_asset(*, user: User, workspace: Workspace, file: BinaryIO, name: str, size_bytes: int) -> Uploaded:
    """Keep an uploaded file; the same bytes again give the asset that is there.

    Raises NotAllowed, TooLarge, UnsupportedType, Invalid.
    """
    require(user, workspace, Right.UPLOAD)
    kind = _check_upload(file, size_bytes)
    stored = store_file(str(workspace.id), file)

    def make() -> Asset:
        return Asset.objects.create(
            workspace=workspace,
            name=free_name(workspace, clean_name(name, kind.suffixes)),
            sha256=stored.sha256,
            media_type=kind.media_type,
            size_bytes=stored.size_bytes,
            width=kind.width,
            height=kind.height,
            source=Source.UPLOAD,
            created_by=user,
        )

    return _find_or_make(workspace, stored.sha256, is_temporary=False, make=make)


def keep_output(
    *, workspace: Workspace, run_id: UUID, created_by: User | None, content: OutputContent
) -> Asset:
    """The asset of a run's output. Call inside the run's completing transaction."""

    def make() -> Asset:
        return Asset.objects.create(
            workspace=workspace,
            name=next_output_name(workspace, content.prefix, content.suffix),
            sha256=content.stored.sha256,
            media_type=content.media_type,
            size_bytes=content.stored.size_bytes,
            width=content.width,
            height=content.height,
            source=Source.RUN,
            is_temporary=content.is_temporary,
            created_by=created_by,
            run_id=run_id,
        )

    made = _find_or_make(workspace, content.stored.sha256, is_temporary=content.is_temporary, make=make)
    return made.asset


@transaction.atomic
def _find_or_make(
    workspace: Workspace, sha256: str, *, is_temporary: bool, make: Callable[[], Asset]
) -> Uploaded:
    # Names are chosen by looking at those that are taken: one chooser at a time.
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    found = Asset.objects.filter(workspace=workspace, sha256=sha256).first()
    if found is None:
        return Uploaded(make(), is_new=True)
    if found.is_temporary and not is_temporary:
        found.is_temporary = False
        found.save(update_fields=["is_temporary"])
    return Uploaded(found, is_new=False)


def _check_upload(file: BinaryIO, size_bytes: int) -> FileKind:
    if size_bytes > MAX_UPLOAD_BYTES:
        raise TooLarge(f"The file has {size_bytes:,} bytes; {MAX_UPLOAD_BYTES:,} are allowed.")
    kind = find_kind(file)
    if kind is None:
        raise UnsupportedType("Upload a PNG, JPEG or WebP picture or a .latent file.")
    if (kind.width or 0) * (kind.height or 0) > MAX_PICTURE_PIXELS:
        message = f"The picture has {kind.width} x {kind.height} pixels; {MAX_PICTURE_PIXELS:,} are allowed."
        raise Invalid(message, [Fault(None, "file", "too_many_pixels", message)])
    return kind
