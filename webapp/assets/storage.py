"""Bytes at rest: content-addressed keys over Django's storage interface."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage

from webapp.assets.models import Asset, storage_key

CHUNK_BYTES = 256 * 1024


class ContentAddressedStorage(FileSystemStorage):
    """Local files that appear whole or not at all, and may be written twice: a key names its content."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """The key itself: whoever wrote it before wrote the same bytes."""
        return name

    def _save(self, name: str, content: "File[bytes]") -> str:
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".part-", delete=False) as part:
            for chunk in content.chunks():
                part.write(chunk)
            part.flush()
            os.fsync(part.fileno())
        # Readable for its owner alone, as the data folder is.
        Path(part.name).replace(target)
        return name


@dataclass(frozen=True)
class StoredContent:
    """Bytes that are in the storage, not yet in any row."""

    sha256: str
    size_bytes: int


def store_file(workspace_id: str, file: BinaryIO) -> StoredContent:
    """Put the bytes of a seekable file under their digest. Writing the same again costs a look."""
    sha256, size_bytes = _digest(file)
    key = storage_key(workspace_id, sha256)
    if not default_storage.exists(key):
        default_storage.save(key, File(file))
    return StoredContent(sha256, size_bytes)


def store_bytes(workspace_id: str, content: bytes) -> StoredContent:
    """Put `content` under its digest."""
    sha256 = hashlib.sha256(content).hexdigest()
    key = storage_key(workspace_id, sha256)
    if not default_storage.exists(key):
        default_storage.save(key, ContentFile(content))
    return StoredContent(sha256, len(content))


def open_asset(asset: Asset) -> BinaryIO:
    """The stored bytes, to be closed by the caller."""
    return cast(BinaryIO, default_storage.open(asset.storage_key, "rb"))


def read_asset(asset: Asset) -> bytes:
    """All of the stored bytes."""
    with open_asset(asset) as file:
        return file.read()


def read_span(asset: Asset, start: int, size_bytes: int) -> Iterator[bytes]:
    """`size_bytes` bytes from `start` on, in chunks."""
    with open_asset(asset) as file:
        file.seek(start)
        while size_bytes > 0:
            chunk = file.read(min(CHUNK_BYTES, size_bytes))
            if not chunk:
                return
            size_bytes -= len(chunk)
            yield chunk


def _digest(file: BinaryIO) -> tuple[str, int]:
    digest = hashlib.sha256()
    size_bytes = 0
    file.seek(0)
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
        size_bytes += len(chunk)
    file.seek(0)
    return digest.hexdigest(), size_bytes
