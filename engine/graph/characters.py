"""Characters that names and texts must not have: files, databases and terminals break on them."""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NUL_OR_HALF = re.compile(r"[\x00\ud800-\udfff]")


def is_clean_name(text: str) -> bool:
    """Whether the text has neither control characters nor halves of a surrogate pair."""
    return _CONTROL.search(text) is None


def is_clean_text(text: str) -> bool:
    """The same for texts of several lines: only NUL and halves of a surrogate pair are unclean."""
    return _NUL_OR_HALF.search(text) is None
