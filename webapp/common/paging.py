"""Cursor paging over ids, newest first. A cursor is the id of the last item seen."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet

from webapp.common.errors import Invalid
from webapp.common.ids import parse_id
from webapp.common.limits import MAX_PAGE_ITEMS

Item = TypeVar("Item", bound=Model)


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some items, and the cursor that leads to the next ones, if there are any."""

    items: list[Item]
    next_cursor: str | None


def page_of(rows: "QuerySet[Item]", cursor: str | None, limit: int) -> Page[Item]:
    """The `limit` newest of `rows` older than `cursor`. Raises Invalid for a cursor that is none."""
    if cursor is not None:
        last_seen = parse_id(cursor)
        if last_seen is None:
            raise Invalid("cursor: take it from next_cursor of the page before")
        rows = rows.filter(pk__lt=last_seen)
    limit = min(limit, MAX_PAGE_ITEMS)
    found = list(rows.order_by("-pk")[: limit + 1])
    items = found[:limit]
    has_more = len(found) > limit
    return Page(items=items, next_cursor=str(items[-1].pk) if has_more else None)
