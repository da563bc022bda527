"""How well each source department delivers 数据质量: on time, right, complete, and what goes wrong most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from backend.city_calendar import CalendarYearUnknown, WorkingDays, city_date
from backend.records.models import CreditRecord, Delivery
from backend.records.quarantine import ReasonCount, summarise_reasons

TIMELY_WORKING_DAYS = 7
"""双公示: within seven working days of the decision."""


@dataclass(frozen=True)
class DepartmentQuality:
    """Counts of rows over the period.

    timed    records whose time of delivery can be judged
    on_time  of these, delivered within seven working days of the event
    causes   what is wrong with the rows still open, most frequent first
    """

    source_department: str
    deliveries: int
    delivered: int
    accepted: int
    duplicate: int
    corrected: int
    quarantined: int
    timed: int
    on_time: int
    last_received_at: datetime
    causes: Sequence[ReasonCount]


def quality_by_department(
    session: Session,
    *,
    received_from: datetime | None = None,
    received_before: datetime | None = None,
    calendar: WorkingDays | None = None,
) -> list[DepartmentQuality]:
    """Departments that delivered in the period, the largest first."""
    period: list[ColumnElement[bool]] = []
    if received_from is not None:
        period.append(Delivery.received_at >= received_from)
    if received_before is not None:
        period.append(Delivery.received_at < received_before)
    rows = session.execute(
        select(
            Delivery.source_department,
            func.count(),
            func.sum(Delivery.delivered),
            func.sum(Delivery.accepted),
            func.sum(Delivery.duplicate),
            func.sum(Delivery.corrected),
            func.sum(Delivery.quarantined),
            func.max(Delivery.received_at),
        )
        .where(*period)
        .group_by(Delivery.source_department)
        .order_by(func.sum(Delivery.delivered).desc(), Delivery.source_department)
    ).all()
    timeliness = _timeliness(session, period, calendar or WorkingDays())
    return [
        DepartmentQuality(
            source_department=department,
            deliveries=number,
            delivered=int(delivered),
            accepted=int(accepted),
            duplicate=int(duplicate),
            corrected=int(corrected),
            quarantined=int(quarantined),
            timed=timeliness.get(department, (0, 0))[0],
            on_time=timeliness.get(department, (0, 0))[1],
            last_received_at=last_received_at,
            causes=summarise_reasons(session, source_department=department),
        )
        for department, number, delivered, accepted, duplicate, corrected, quarantined, last_received_at in rows
    ]


def _timeliness(
    session: Session, period: Sequence[ColumnElement[bool]], calendar: WorkingDays
) -> Mapping[str, tuple[int, int]]:
    """Department → (records judged, records on time). Years without a known calendar are not judged."""
    rows = session.execute(
        select(CreditRecord.source_department, CreditRecord.event_on, CreditRecord.created_at, func.count())
        .join(Delivery, Delivery.id == CreditRecord.delivery_id)
        .where(*period)
        .group_by(CreditRecord.source_department, CreditRecord.event_on, CreditRecord.created_at)
    )
    due: dict[date, date | None] = {}
    judged: dict[str, tuple[int, int]] = {}
    for department, event_on, created_at, count in rows:
        if event_on not in due:
            due[event_on] = _due(calendar, event_on)
        due_on = due[event_on]
        if due_on is not None:
            timed, on_time = judged.get(department, (0, 0))
            judged[department] = (timed + count, on_time + count * (city_date(created_at) <= due_on))
    return judged


def _due(calendar: WorkingDays, event_on: date) -> date | None:
    try:
        return calendar.after(event_on, TIMELY_WORKING_DAYS)
    except CalendarYearUnknown:
        return None
