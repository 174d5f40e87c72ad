"""The size of a JPEG from its headers (ITU-T T.81, B.2.2), because the graph decodes no pictures."""

_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def read_jpeg_size(jpeg: bytes) -> tuple[int, int]:
    """(width, height) in pixels; ValueError if no frame header is found."""
    position = 2
    while position + 9 <= len(jpeg) and jpeg[position] == 0xFF:
        if jpeg[position + 1] in _FRAME_HEADERS:
            height = int.from_bytes(jpeg[position + 5 : position + 7], "big")
            width = int.from_bytes(jpeg[position + 7 : position + 9], "big")
            return width, height
        position += 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
    raise ValueError("not a JPEG: no frame header")
