"""Variables in the names of files: %width%, %height%, %year% … %second%, %batch_num%."""

from datetime import datetime


def expand_prefix(prefix: str, *, width: int, height: int, index: int, now: datetime) -> str:
    """`prefix` with its variables filled in; other words between percent signs stay."""
    values = {
        "width": str(width),
        "height": str(height),
        "year": str(now.year),
        "month": f"{now.month:02}",
        "day": f"{now.day:02}",
        "hour": f"{now.hour:02}",
        "minute": f"{now.minute:02}",
        "second": f"{now.second:02}",
        "batch_num": str(index),
    }
    for name, value in values.items():
        prefix = prefix.replace(f"%{name}%", value)
    return prefix
