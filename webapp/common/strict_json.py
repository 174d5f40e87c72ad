"""JSON from outside, read strictly: no NaN, no NUL, no broken Unicode, no bottomless nesting.

Postgres stores neither NUL nor lone surrogates, and a reader that takes what a store refuses turns bad
input into a 5xx.
"""

import json
import math
from typing import NoReturn

from webapp.common.errors import Malformed
from webapp.common.limits import MAX_JSON_DEPTH


def parse_json(body: bytes) -> object:
    """The document in `body` (UTF-8). Raises Malformed with a reason."""
    try:
        text = body.decode("utf-8")
        document: object = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not UTF-8: byte {error.start} is wrong.") from error
    except json.JSONDecodeError as error:
        raise Malformed(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from error
    except RecursionError as error:
        raise Malformed(f"The JSON is nested more than {MAX_JSON_DEPTH} levels deep.") from error
    except ValueError as error:
        raise Malformed("The JSON holds a number with too many digits.") from error
    _check_depth_and_text(document)
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not a JSON number.")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Malformed(f"The number {digits[:40]} is too large.")
    return value


def _check_depth_and_text(document: object) -> None:
    """Walk without recursion: the depth is what is being checked."""
    level: list[object] = [document]
    depth = 0
    while level:
        depth += 1
        if depth > MAX_JSON_DEPTH:
            raise Malformed(f"The JSON is nested more than {MAX_JSON_DEPTH} levels deep.")
        level = [child for value in level for child in _children(value)]


def _children(value: object) -> list[object]:
    if isinstance(value, str):
        _check_text(value)
        return []
    if isinstance(value, dict):
        for key in value:
            _check_text(key)
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise Malformed("A text holds the character U+0000, which cannot be stored.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Malformed("A text holds half of a surrogate pair, which is not Unicode.") from error
