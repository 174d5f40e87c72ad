"""What a file is that only claims to be safetensors, told by its first bytes."""

_LEGACY_PICKLE = "a Python pickle, as old .ckpt and .pt files are"

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive, as torch.save writes pickled .ckpt and .pt files"),
    *((bytes((0x80, protocol)), _LEGACY_PICKLE) for protocol in range(2, 6)),
    (b"GGUF", "a GGUF file"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"version https://git-lfs", "a Git LFS pointer: the real file was never downloaded"),
    (b"<!DOCTYPE", "a web page: the download went wrong"),
    (b"<!doctype", "a web page: the download went wrong"),
    (b"<html", "a web page: the download went wrong"),
)


def name_of_format(start: bytes) -> str | None:
    """The format that these first bytes belong to, with its article; None if none is recognised.

    A safetensors file cannot be mistaken: its first bytes are a length, and byte 8 is the brace of its
    header.
    """
    if not start:
        return "an empty file"
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 1 << 32:
        return None
    return next((name for magic, name in _STARTS if start.startswith(magic)), None)
