"""How well each source department delivers 数据质量: on time, right, complete, and what goes wrong most.

Everything is read from what was counted while collecting (`measures`), so it costs the same at ten records and at
a thousand million.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.records.measures import Shape, together
from backend.records.models import Delivery


@dataclass(frozen=True)
class Cause:
    """How many cells of the period's deliveries were refused for this reason; `column` is empty for whole rows."""

    code: str
    column: str
    count: int


@dataclass(frozen=True)
class Quality:
    """Counts over some deliveries.

    timed, on_time    new records whose time of delivery can be judged; of these, those delivered in time
    optional_cells,   cells that the templates leave to the department; of these, those that are filled
    optional_filled
    causes            most frequent first
    """

    deliveries: int
    delivered: int
    accepted: int
    duplicate: int
    corrected: int
    quarantined: int
    timed: int
    on_time: int
    optional_cells: int
    optional_filled: int
    last_received_at: datetime
    causes: Sequence[Cause]

    @property
    def accuracy(self) -> float | None:
        """Share of rows that passed every check; None without rows."""
        return (self.delivered - self.quarantined) / self.delivered if self.delivered else None

    @property
    def timeliness(self) -> float | None:
        return self.on_time / self.timed if self.timed else None

    @property
    def completeness(self) -> float | None:
        return self.optional_filled / self.optional_cells if self.optional_cells else None


@dataclass(frozen=True)
class DepartmentQuality:
    source_department: str
    quality: Quality


@dataclass(frozen=True)
class MonthQuality:
    """`month` as 2026-03, by the city's date of receipt."""

    month: str
    quality: Quality


def quality_by_department(
    session: Session,
    *,
    source_department: str | None = None,
    received_from: datetime | None = None,
    received_before: datetime | None = None,
) -> list[DepartmentQuality]:
    """Departments that delivered in the period, the largest first; or one of them alone."""
    found: dict[str, list[Row[Any]]] = {}
    for row in _deliveries(session, source_department, received_from, received_before):
        found.setdefault(row.source_department, []).append(row)
    each = [DepartmentQuality(department, _quality(rows)) for department, rows in found.items()]
    return sorted(each, key=lambda item: (-item.quality.delivered, item.source_department))


def quality_by_month(
    session: Session,
    *,
    source_department: str | None = None,
    received_from: datetime | None = None,
    received_before: datetime | None = None,
) -> list[MonthQuality]:
    """Of one department or of all, oldest month first; months without a delivery are left out."""
    found: dict[str, list[Row[Any]]] = {}
    for row in _deliveries(session, source_department, received_from, received_before):
        found.setdefault(f"{city_date(row.received_at):%Y-%m}", []).append(row)
    return [MonthQuality(month, _quality(found[month])) for month in sorted(found)]


def _deliveries(
    session: Session,
    source_department: str | None,
    received_from: datetime | None,
    received_before: datetime | None,
) -> Iterable[Row[Any]]:
    query = select(
        Delivery.source_department,
        Delivery.received_at,
        Delivery.delivered,
        Delivery.accepted,
        Delivery.duplicate,
        Delivery.corrected,
        Delivery.quarantined,
        Delivery.shape,
    )
    if source_department is not None:
        query = query.where(Delivery.source_department == source_department)
    if received_from is not None:
        query = query.where(Delivery.received_at >= received_from)
    if received_before is not None:
        query = query.where(Delivery.received_at < received_before)
    return session.execute(query)


def _quality(rows: Sequence[Row[Any]]) -> Quality:
    shape: Shape = {}
    for row in rows:
        shape = together(shape, row.shape)
    causes = [Cause(code, column, count) for (column, code), count in _split(shape.get("causes", {}))]
    return Quality(
        deliveries=len(rows),
        delivered=sum(row.delivered for row in rows),
        accepted=sum(row.accepted for row in rows),
        duplicate=sum(row.duplicate for row in rows),
        corrected=sum(row.corrected for row in rows),
        quarantined=sum(row.quarantined for row in rows),
        timed=shape.get("timed", 0),
        on_time=shape.get("on_time", 0),
        optional_cells=shape.get("optional_cells", 0),
        optional_filled=shape.get("optional_filled", 0),
        last_received_at=max(row.received_at for row in rows),
        causes=sorted(causes, key=lambda cause: (-cause.count, cause.code, cause.column)),
    )


def _split(causes: dict[str, int]) -> Iterable[tuple[tuple[str, str], int]]:
    for name, count in causes.items():
        column, _, code = name.partition("\t")
        yield (column, code), count
