"""Cursor pagination: an opaque cursor says after which item the next page begins."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

import marshmallow as ma

Item = TypeVar("Item")
LARGEST_PAGE = 100


def encode_cursor(value: object) -> str:
    return base64.urlsafe_b64encode(str(value).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """Raises ValueError."""
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()


def number_of(text: str) -> int:
    """An id. Raises ValueError, also for a number that no database holds."""
    number = int(text)
    if not 0 <= number < 2**63:
        raise ValueError("an id has 63 bits")
    return number


class CursorField(ma.fields.String):
    """The id behind a cursor, as an integer; an invented cursor is a validation error, not a crash."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return number_of(decode_cursor(super()._deserialize(value, attr, data, **kwargs)))
        except ValueError:
            raise ma.ValidationError("游标无效，请使用上一页返回的 next_cursor。") from None


class PageQuery(ma.Schema):
    """`?cursor=&limit=`; with `cursor` absent, the first page."""

    cursor = CursorField(load_default=None, metadata={"description": "上一页返回的 next_cursor"})
    limit = ma.fields.Integer(
        load_default=20, validate=ma.validate.Range(1, LARGEST_PAGE), metadata={"description": "每页条数"}
    )


class PlaceField(ma.fields.String):
    """For lists ordered by a day or moment: (that, id) of the last item seen. `read` and `read_id` parse them."""

    def __init__(self, read: Callable[[str], date], read_id: Callable[[str], UUID | int] = UUID) -> None:
        super().__init__(load_default=None, metadata={"description": "上一页返回的 next_cursor"})
        self._read, self._read_id = read, read_id

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            at, item_id = decode_cursor(super()._deserialize(value, attr, data, **kwargs)).split(" ")
            return self._read(at), self._read_id(item_id)
        except ValueError:
            raise ma.ValidationError("游标无效，请使用上一页返回的 next_cursor。") from None


def place(at: date, item_id: UUID | int) -> str:
    """What a cursor of a PlaceField says, before it is made opaque."""
    return f"{at.isoformat()} {item_id}"


def moment_of(text: str) -> datetime:
    """Raises ValueError, also for a moment that names no time zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a cursor names its time zone")
    return moment


def page_of(found: Sequence[Item], limit: int, key: Callable[[Item], object]) -> dict[str, object]:
    """Shape a page from `limit + 1` items asked for: the one too many says that there is a next page."""
    items = found[:limit]
    return {
        "items": items,
        "next_cursor": encode_cursor(key(items[-1])) if len(found) > limit else None,
    }


def page_schema(item: type[ma.Schema]) -> type[ma.Schema]:
    """`{items, next_cursor}` of an item schema, named after it in the OpenAPI document."""
    return ma.Schema.from_dict(
        {
            "items": ma.fields.List(ma.fields.Nested(item), required=True),
            "next_cursor": ma.fields.String(
                required=True, allow_none=True, metadata={"description": "下一页的游标；没有下一页时为 null"}
            ),
        },
        name=f"{item.__name__}Page",
    )
