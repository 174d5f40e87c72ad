"""What a file is, told from its first bytes. Nothing is decoded here: decoders live in the GPU worker.

PNG: W3C PNG 11.2.2. JPEG: ITU-T T.81 B.1. WebP: RFC 9649. Latent: safetensors' eight-byte header length.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
LATENT_MEDIA_TYPE = "application/x-safetensors"
# A header of more bytes is refused by the engine as well.
MAX_SAFETENSORS_HEADER_BYTES = 16_000_000
MAX_JPEG_SEGMENTS = 1_000
# Start-of-frame markers: 0xC0 to 0xCF but for DHT, JPG and DAC.
JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class FileKind:
    """A recognised kind of file; sizes in pixels for pictures."""

    media_type: str
    suffixes: tuple[str, ...]
    width: int | None = None
    height: int | None = None


def find_kind(file: BinaryIO) -> FileKind | None:
    """The kind of the seekable `file`, or None when it is of no kind that is taken."""
    for read in (_read_png, _read_webp, _read_jpeg, _read_latent):
        file.seek(0)
        kind = _or_none(read, file)
        if kind is not None:
            file.seek(0)
            return kind
    file.seek(0)
    return None


def _or_none(read: Callable[[BinaryIO], FileKind | None], file: BinaryIO) -> FileKind | None:
    try:
        return read(file)
    except (struct.error, IndexError):
        return None  # the file ends within its header


def _read_png(file: BinaryIO) -> FileKind | None:
    head = file.read(24)
    if not head.startswith(PNG_SIGNATURE) or head[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", head[16:24])
    return FileKind("image/png", (".png",), width, height)


def _read_webp(file: BinaryIO) -> FileKind | None:
    head = file.read(30)
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    size = _webp_size(head[12:16], head)
    return None if size is None else FileKind("image/webp", (".webp",), *size)


def _webp_size(chunk: bytes, head: bytes) -> tuple[int, int] | None:
    if chunk == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + ((bits >> 14) & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _read_jpeg(file: BinaryIO) -> FileKind | None:
    if file.read(2) != b"\xff\xd8":
        return None
    for _ in range(MAX_JPEG_SEGMENTS):
        fill, marker = file.read(2)[:2]
        if fill != 0xFF:
            return None
        (length,) = struct.unpack(">H", file.read(2))
        if marker in JPEG_FRAME_MARKERS:
            _precision, height, width = struct.unpack(">BHH", file.read(5))
            return FileKind("image/jpeg", (".jpg", ".jpeg"), width, height)
        file.seek(length - 2, 1)
    return None


def _read_latent(file: BinaryIO) -> FileKind | None:
    (header_bytes,) = struct.unpack("<Q", file.read(8))
    if not 2 <= header_bytes <= MAX_SAFETENSORS_HEADER_BYTES or file.read(1) != b"{":
        return None
    file.seek(8 + header_bytes - 1)
    # The header is JSON, padded with blanks.
    return FileKind(LATENT_MEDIA_TYPE, (".latent",)) if file.read(1) in (b"}", b" ") else None
