"""Looking up thousands of blind indexes in one query.

An `IN` of 32-byte parameters costs several times the search itself, on either database. Here they travel as one
parameter, end to end, and are cut up again inside the query.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Integer, LargeBinary, func, literal, select
from sqlalchemy.sql.selectable import CTE

_WIDTH = 32


def wanted(indexes: Sequence[bytes]) -> tuple[CTE, ColumnElement[bytes]]:
    """Rows `place` = 0, 1, … of the indexes, and the index in each: for joining with a table.

    Keep to some ten thousand at a time.
    """
    if any(len(index) != _WIDTH for index in indexes):
        raise ValueError(f"a blind index has {_WIDTH} bytes")
    first = select(literal(0, Integer).label("place")).cte("wanted", recursive=True)
    places = first.union_all(select(first.c.place + 1).where(first.c.place + 1 < len(indexes)))
    together = literal(b"".join(indexes), LargeBinary)
    return places, func.substr(together, places.c.place * _WIDTH + 1, _WIDTH, type_=LargeBinary)
