"""What is written by whole columns is read back row by row as it was, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.records.copying import write_rows
from backend.records.models import CreditRecord, Delivery, QuarantinedRow

_AT = datetime(2026, 3, 3, 2, 0, 0, 123_456, tzinfo=UTC)
_DELIVERY = UUID(int=(7 << 120) + 255)


def test_every_cell_of_many_rows_is_read_back_as_it_was_written(session: Session) -> None:
    count = 9_000  # more than travel together
    number = pl.int_range(1, count + 1, eager=True)
    odd = number % 2 == 1
    rows = pl.DataFrame(
        {
            "id": number,
            "subject_id": number + 2**40,
            "category": pl.Series([None if place % 2 else "志愿服务" for place in range(count)]).fill_null(""),
            "natural_key": [each.to_bytes(16) for each in number],
            "facts_digest": [bytes([each % 256]) * 16 for each in number],
            "title": number.cast(pl.String) + '\t"\\N"\n',
            "event_on": pl.Series([date(1999, 12, 31)]).new_from_index(0, count),
            "ended_on": pl.Series([date(2000, 1, 1)]).new_from_index(0, count).set(odd, None),
            "performed_on": pl.Series([None], dtype=pl.Date).new_from_index(0, count),
            "amount": 5_000 - number,
            "level": number % 3,
            "withdrawn": odd,
            "source_department": pl.Series(["文明办"]).new_from_index(0, count),
            "delivery_id": pl.Series([_DELIVERY.bytes]).new_from_index(0, count),
            "form_id": number.set(odd, None),
            "content": '["' + number.cast(pl.String) + '",null]',
            "created_at": pl.Series([_AT]).new_from_index(0, count),
        }
    )
    write_rows(session, CreditRecord.__table__, rows)  # type: ignore[arg-type]  # a Table

    records = session.scalars(select(CreditRecord).order_by(CreditRecord.id)).all()
    assert len(records) == count
    for place in (0, 1, 255, 7_999, 8_000, count - 1):
        record, line = records[place], rows.row(place, named=True)
        line["content"] = [str(place + 1), None]
        line["delivery_id"] = _DELIVERY
        line |= {"state": "active", "version": 1, "quantity": 0, "event_key": 0}
        assert {name: getattr(record, "cells" if name == "content" else name) for name in line} == line


def test_an_empty_text_is_not_nothing_and_the_json_of_a_row_is_searched_as_such(session: Session) -> None:
    session.add(
        Delivery(
            id=_DELIVERY, source_department="文明办", template="volunteering", filename="a.csv", identity="i",
            content_sha256="s", received_at=_AT, state="done",
        )
    )  # fmt: skip
    session.flush()
    rows = pl.DataFrame(
        {
            "delivery_id": [_DELIVERY.bytes] * 2,
            "row_number": [1, 2],
            "sealed_row": [b"", b"\x00\xff"],
            "masked_row": ['{"姓名": "王*兰"}', "{}"],
            "reasons": ["[]", '[{"code": "required"}]'],
            "state": ["open", "dropped"],
            "created_at": [_AT, _AT],
            "resolved_at": [None, _AT],
            "resolution": [None, ""],
        }
    )
    write_rows(session, QuarantinedRow.__table__, rows)  # type: ignore[arg-type]  # a Table

    first, second = session.scalars(select(QuarantinedRow).order_by(QuarantinedRow.row_number))
    assert (first.sealed_row, first.masked_row, first.reasons) == (b"", {"姓名": "王*兰"}, [])
    assert (first.resolved_at, first.resolution) == (None, None)
    assert (second.sealed_row, second.resolved_at, second.resolution) == (b"\x00\xff", _AT, "")
    named = QuarantinedRow.masked_row["姓名"].as_string() == "王*兰"
    assert session.scalars(select(QuarantinedRow.row_number).where(named)).all() == [1]
