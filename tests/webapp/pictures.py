"""The smallest files of each kind, made here."""

import json
import struct
import zlib
from io import BytesIO


def make_png(width: int = 2, height: int = 2, seed: int = 0) -> bytes:
    """A grey PNG; another seed is another content."""
    rows = b"".join(b"\x00" + bytes([seed % 256] * width) for _ in range(min(height, 4)))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def make_jpeg(width: int, height: int) -> bytes:
    """The head of a JPEG, up to its start of frame."""
    app0 = b"\xff\xe0" + struct.pack(">H", 4) + b"JF"
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 8, 8, height, width, 1)
    return b"\xff\xd8" + app0 + frame


def make_webp(width: int, height: int) -> bytes:
    """The head of an extended WebP."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + size


def make_safetensors() -> bytes:
    """One float32 number under the name that latents have."""
    header = json.dumps({"latent_tensor": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


def as_file(content: bytes, name: str) -> BytesIO:
    """`content` as a form sends it."""
    file = BytesIO(content)
    file.name = name
    return file


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
