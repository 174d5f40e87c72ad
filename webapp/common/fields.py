"""Model fields of our own."""

import json
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    TextField = models.TextField[Any, Any]
else:
    TextField = models.TextField


class JsonTextField(TextField):
    """A JSON document kept as the text it is.

    Graphs are never searched by content, and Postgres' jsonb would reorder their keys: the order of nodes is
    part of what people saved and of what a picture's metadata must give back.
    """

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def get_prep_value(self, value: object) -> str | None:
        """The document as compact JSON text."""
        if value is None:
            return None
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    def from_db_value(self, value: str | None, _expression: object, _connection: object) -> object:
        """The document that the column's text spells."""
        return None if value is None else json.loads(value)

    def to_python(self, value: object) -> object:
        """Documents are given as Python values; nothing to convert."""
        return value
