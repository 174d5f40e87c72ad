"""Primary keys: UUID version 7 (RFC 9562), so that they sort by the time of making on every database."""

import secrets
import time
import uuid

UNIX_MS_BITS = 48
VERSION = 7


def new_id() -> uuid.UUID:
    """A fresh UUIDv7: 48 bits of milliseconds, 74 random bits."""
    unix_ms = time.time_ns() // 1_000_000
    head = unix_ms.to_bytes(UNIX_MS_BITS // 8, "big")
    raw = bytearray(head + secrets.token_bytes(10))
    raw[6] = (raw[6] & 0x0F) | (VERSION << 4)
    raw[8] = (raw[8] & 0x3F) | 0x80
    return uuid.UUID(bytes=bytes(raw))


def parse_id(text: str) -> uuid.UUID | None:
    """The UUID in `text`, or None. Ids in URLs stay text: a wrong one is a 404 like a foreign one."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
