"""Primary keys: UUID version 7 (RFC 9562), so that they sort by the time of making on every database."""

import secrets
import time
import uuid

NS_PER_MS = 1_000_000
VERSION, VARIANT = 7, 0b10
FRACTION_BITS, RANDOM_BITS = 12, 62


def new_id() -> uuid.UUID:
    """A fresh UUIDv7: 48 bits of milliseconds, 12 of their fraction, 62 random ones.

    The fraction (RFC 9562, 6.2, method 3) keeps what is made within a millisecond in order, for the queue.
    """
    unix_ms, rest_ns = divmod(time.time_ns(), NS_PER_MS)
    fraction = (rest_ns << FRACTION_BITS) // NS_PER_MS
    head = ((unix_ms << 4 | VERSION) << FRACTION_BITS | fraction) << 2 | VARIANT
    return uuid.UUID(int=head << RANDOM_BITS | secrets.randbits(RANDOM_BITS))


def parse_id(text: str) -> uuid.UUID | None:
    """The UUID in `text`, or None. Ids in URLs stay text: a wrong one is a 404 like a foreign one."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
