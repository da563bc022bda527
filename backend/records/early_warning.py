"""Early warning 源数据预警: a source that falls silent against its own rhythm, or whose rows change their shape.

The background worker looks once an hour and keeps what it finds as rows: open until an officer has seen them
(acknowledged), ended when the matter is over. While a warning lasts it is not raised a second time.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, Literal

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.catalogue.templates import Template, load_templates
from backend.city_calendar import CalendarYearUnknown, WorkingDays, city_date
from backend.notifications.service import Recipient, notify
from backend.records.departments import department_codes
from backend.records.errors import (
    ExpectedDayPast,
    ExplanationMissing,
    WarningAlreadyAcknowledged,
    WarningNotFound,
    WarningOver,
)
from backend.records.measures import Shape, together
from backend.records.models import Delivery, SourceWarning, WarningExplanation
from backend.records.quality_rules import QualityRules, ShapeRule, SilenceRule, quality_rules
from scoring.model.drift import stability_index

Reader = Literal["office", "department"]

_WATCHED_BY = "data_officer"

_KIND_NAMES: Mapping[str, str] = {
    "silent": "久未报送",
    "refused_share": "差错明显增多",
    "category_mix": "类别占比变化",
    "empty_cells": "填写情况变化",
}

_NEXT_STEPS: Mapping[str, Mapping[Reader, str]] = {
    "silent": {
        "office": "请与数源单位核实系统或人员是否有变化，问清何时恢复报送。",
        "department": (
            "请检查导出任务、接口凭据和经办人是否有变化，补报这段时间的数据；"
            "确实没有新事项、或者一时不能恢复的，请在“报送质量”或用接口说明原因。恢复报送后，本预警自动结束。"
        ),
    },
    "refused_share": {
        "office": "请在待处理区查看主要原因，并联系数源单位。",
        "department": "请按下方的主要差错更正源数据和导出，并把没有入库的行更正后重新报送。",
    },
    "category_mix": {
        "office": "请与数源单位核对是否漏报、错报了类别。",
        "department": "请核对是否漏报、错报了类别；业务确有变化的，请说明原因。",
    },
    "empty_cells": {
        "office": "请与数源单位核对导出是否有变化。",
        "department": "请核对导出的列是否改名、遗漏或填错了位置，更正后重新报送受影响的数据。",
    },
}

_LONGEST_LOOK_BACK = timedelta(days=800)
_COLUMNS_NAMED = 5


@dataclass(frozen=True)
class Finding:
    """`kind` is one of WARNING_KINDS; `detail` holds the figures that the message speaks of."""

    kind: str
    message: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Arrival:
    """One delivery, as early warning sees it."""

    received_on: date
    delivered: int
    quarantined: int
    shape: Shape


def watch_sources(session: Session, *, now: datetime, calendar: WorkingDays) -> list[SourceWarning]:
    """Raise what is new and tell the office and the department, end what is over; the caller owns the transaction.

    Returns the warnings just raised.
    """
    today = city_date(now)
    rules = quality_rules(today)
    lasting = {
        (warning.source_department, warning.template, warning.kind): warning
        for warning in session.scalars(select(SourceWarning).where(SourceWarning.ended_at.is_(None)))
    }
    raised = []
    for (department, template_code), arrivals in _arrivals(session, now).items():
        template = load_templates().get(template_code)
        findings = find_warnings(arrivals, template, rules, today=today, calendar=calendar)
        for finding in findings:
            known = lasting.pop((department, template_code, finding.kind), None)
            if known is not None:
                known.message, known.detail = finding.message, dict(finding.detail)
                continue
            warning = SourceWarning(
                source_department=department,
                template=template_code,
                kind=finding.kind,
                state="open",
                message=finding.message,
                detail=dict(finding.detail),
                raised_at=now,
            )
            session.add(warning)
            raised.append(warning)
    for over in lasting.values():
        over.ended_at = now
    session.flush()
    if raised:
        codes = department_codes(session, today)
        for warning in raised:
            _tell(session, warning, codes.get(warning.source_department), now)
    return raised


def find_warnings(
    arrivals: Sequence[Arrival],
    template: Template | None,
    rules: QualityRules,
    *,
    today: date,
    calendar: WorkingDays,
) -> list[Finding]:
    """Of one source and template; `arrivals` in order of time."""
    found = [
        silence(sorted({each.received_on for each in arrivals}), rules.silence, today=today, calendar=calendar)
    ]
    found += shifts(arrivals, template, rules.shape, today=today)
    return [finding for finding in found if finding is not None]


def silence(days: Sequence[date], rule: SilenceRule, *, today: date, calendar: WorkingDays) -> Finding | None:
    """Is the time since the last delivery out of the source's own rhythm?"""
    gaps = [working_days_between(calendar, one, other) for one, other in itertools.pairwise(days)]
    if len(gaps) < rule.least_gaps:
        return None
    usual, longest = median(gaps), max(gaps)
    limit = max(rule.factor * usual, rule.longest_factor * longest, float(rule.least_working_days))
    since = working_days_between(calendar, days[-1], today)
    if since <= limit:
        return None
    message = (
        f"已有 {since} 个工作日没有报送（最近一次 {days[-1]}）；平常每 {usual:g} 个工作日报送一次，"
        f"最长间隔 {longest} 个工作日。"
    )
    detail = {"since": since, "usual": usual, "longest": longest, "limit": limit, "last": days[-1].isoformat()}
    return Finding("silent", message, detail)


def shifts(
    arrivals: Sequence[Arrival], template: Template | None, rule: ShapeRule, *, today: date
) -> list[Finding]:
    """Do the rows of the recent days look like those before them?"""
    recent_from = today - timedelta(days=rule.recent_days - 1)
    baseline_from = recent_from - timedelta(days=rule.baseline_days)
    now = _sum(each for each in arrivals if each.received_on >= recent_from)
    then = _sum(each for each in arrivals if baseline_from <= each.received_on < recent_from)
    if now.delivered < rule.least_recent_rows or then.delivered < rule.least_baseline_rows:
        return []
    found = [_refused(then, now, rule), _mix(then, now, rule), _emptied(then, now, template, rule)]
    return [finding for finding in found if finding is not None]


def warnings(
    session: Session,
    *,
    state: str | None = None,
    lasting: bool | None = None,
    source_department: str | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> Sequence[SourceWarning]:
    """Newest first; `lasting` leaves out (or shows alone) those that are over."""
    query = select(SourceWarning).order_by(SourceWarning.id.desc()).limit(limit)
    if state is not None:
        query = query.where(SourceWarning.state == state)
    if lasting is not None:
        query = query.where(SourceWarning.ended_at.is_(None) if lasting else SourceWarning.ended_at.is_not(None))
    if source_department is not None:
        query = query.where(SourceWarning.source_department == source_department)
    if before_id is not None:
        query = query.where(SourceWarning.id < before_id)
    return session.scalars(query).all()


def next_step(kind: str, reader: Reader) -> str:
    """What whoever reads the warning can do about it; `kind` is one of WARNING_KINDS."""
    return _NEXT_STEPS[kind][reader]


def count_lasting(session: Session, source_department: str) -> int:
    """How many warnings about the department are not over."""
    query = select(func.count()).where(
        SourceWarning.source_department == source_department, SourceWarning.ended_at.is_(None)
    )
    return session.scalars(query).one()


def acknowledge_warning(session: Session, warning_id: int, *, note: str, by: str, now: datetime) -> SourceWarning:
    """An officer has seen to it, and says how. Raises WarningNotFound or WarningAlreadyAcknowledged."""
    warning = session.scalar(select(SourceWarning).where(SourceWarning.id == warning_id).with_for_update())
    if warning is None:
        raise WarningNotFound
    if warning.state != "open":
        raise WarningAlreadyAcknowledged(warning.acknowledged_by or "")
    warning.state = "acknowledged"
    warning.note = note.strip()
    warning.acknowledged_by, warning.acknowledged_at = by, now
    session.flush()
    return warning


def explain_warning(
    session: Session,
    warning_id: int,
    *,
    source_department: str,
    text: str,
    expected_on: date | None,
    by: str,
    now: datetime,
) -> SourceWarning:
    """The department says what happened, and from when it expects to deliver as usual; the office is told.

    Another department's warning is reported as not found. What was said before stays beside it.

    Raises WarningNotFound, WarningOver, ExplanationMissing or ExpectedDayPast.
    """
    warning = session.scalar(select(SourceWarning).where(SourceWarning.id == warning_id).with_for_update())
    if warning is None or warning.source_department != source_department:
        raise WarningNotFound
    if warning.ended_at is not None:
        raise WarningOver
    if not text.strip():
        raise ExplanationMissing
    today = city_date(now)
    if expected_on is not None and expected_on < today:
        raise ExpectedDayPast(today)
    session.add(
        WarningExplanation(
            warning_id=warning.id, text=text.strip(), expected_on=expected_on, said_by=by, said_at=now
        )
    )
    session.flush()
    until = f"预计 {expected_on} 恢复" if expected_on else "没有写明何时恢复"
    notify(
        session,
        Recipient(officer_role=_WATCHED_BY),
        kind="source_warning_explained",
        title=f"{source_department}说明了数据预警的原因",
        body=f"{until}。原因：{text.strip()}",
        about=f"source_warning:{warning.id}",
        now=now,
    )
    return warning


def explanations_of(
    session: Session, warnings: Sequence[SourceWarning]
) -> Mapping[int, Sequence[WarningExplanation]]:
    """By the warning's id, the latest first."""
    found: dict[int, list[WarningExplanation]] = {warning.id: [] for warning in warnings}
    for said in session.scalars(
        select(WarningExplanation)
        .where(WarningExplanation.warning_id.in_(found))
        .order_by(WarningExplanation.id.desc())
    ):
        found[said.warning_id].append(said)
    return found


def working_days_between(calendar: WorkingDays, one: date, other: date) -> int:
    """Working days after `one`, up to and with `other`. Where a year is not known, its weekdays count."""
    number = 0
    day = one
    while day < other:
        day += timedelta(days=1)
        try:
            number += calendar.is_working(day)
        except CalendarYearUnknown:
            number += day.weekday() < 5
    return number


def _tell(session: Session, warning: SourceWarning, department_code: str | None, now: datetime) -> None:
    """The office; and the department, unless the catalogue does not know it."""
    template = load_templates().get(warning.template)
    what = f"“{template.name if template else warning.template}”{_KIND_NAMES[warning.kind]}"
    told: list[tuple[Recipient, Reader, str]] = [
        (Recipient(officer_role=_WATCHED_BY), "office", f"数据预警：{warning.source_department}{what}")
    ]
    if department_code is not None:
        told.append((Recipient(partner_code=department_code), "department", f"数据预警：本单位的{what}"))
    for recipient, reader, title in told:
        notify(
            session,
            recipient,
            kind="source_warning",
            title=title,
            body=f"{warning.message}{next_step(warning.kind, reader)}",
            about=f"source_warning:{warning.id}",
            now=now,
        )


def _arrivals(session: Session, now: datetime) -> dict[tuple[str, str], list[Arrival]]:
    found: dict[tuple[str, str], list[Arrival]] = {}
    rows = session.execute(
        select(
            Delivery.source_department,
            Delivery.template,
            Delivery.received_at,
            Delivery.delivered,
            Delivery.quarantined,
            Delivery.shape,
        )
        .where(
            Delivery.received_at > now - _LONGEST_LOOK_BACK, Delivery.received_at <= now, Delivery.delivered > 0
        )
        .order_by(Delivery.received_at)
    )
    for department, template, received_at, delivered, quarantined, shape in rows:
        arrival = Arrival(city_date(received_at), delivered, quarantined, shape)
        found.setdefault((department, template), []).append(arrival)
    return found


def _sum(arrivals: Any) -> Arrival:
    total = Arrival(date.min, 0, 0, {})
    for each in arrivals:
        total = Arrival(
            date.min,
            total.delivered + each.delivered,
            total.quarantined + each.quarantined,
            together(total.shape, each.shape),
        )
    return total


def _index(then: Sequence[int], now: Sequence[int]) -> float:
    return float(stability_index(np.array(then), np.array(now)))


def _refused(then: Arrival, now: Arrival, rule: ShapeRule) -> Finding | None:
    before, lately = then.quarantined / then.delivered, now.quarantined / now.delivered
    index = _index(
        (then.quarantined, then.delivered - then.quarantined), (now.quarantined, now.delivered - now.quarantined)
    )
    if index < rule.index or lately - before < rule.refused_growth:
        return None
    message = f"近 {rule.recent_days} 天有 {lately:.1%} 的行没有通过检查，以前是 {before:.1%}。"
    return Finding("refused_share", message, {"before": before, "now": lately, "index": index})


def _mix(then: Arrival, now: Arrival, rule: ShapeRule) -> Finding | None:
    before, lately = then.shape.get("categories", {}), now.shape.get("categories", {})
    names = sorted({*before, *lately})
    if len(names) < 2 or not sum(lately.values()) or not sum(before.values()):
        return None
    index = _index([before.get(name, 0) for name in names], [lately.get(name, 0) for name in names])
    if index < rule.index:
        return None
    moved = max(names, key=lambda name: abs(_share(lately, name) - _share(before, name)))
    message = (
        f"各类别的占比与以前明显不同：变化最大的是“{moved}”，"
        f"由 {_share(before, moved):.1%} 变为 {_share(lately, moved):.1%}。"
    )
    return Finding("category_mix", message, {"before": before, "now": lately, "index": index})


def _share(counts: Mapping[str, int], name: str) -> float:
    return counts.get(name, 0) / max(sum(counts.values()), 1)


def _emptied(then: Arrival, now: Arrival, template: Template | None, rule: ShapeRule) -> Finding | None:
    before, lately = then.shape.get("filled", {}), now.shape.get("filled", {})
    measured_then = max(before.values(), default=0)
    measured_now = max(lately.values(), default=0)
    if not measured_then or not measured_now:
        return None
    moved: list[tuple[float, str]] = []
    for code in sorted({*before, *lately}):
        filled_then, filled_now = before.get(code, 0), lately.get(code, 0)
        index = _index((filled_then, then.delivered - filled_then), (filled_now, now.delivered - filled_now))
        if index >= rule.index:
            moved.append((index, code))
    if not moved:
        return None
    moved.sort(reverse=True)
    headers = {column.code: column.header for column in template.columns} if template else {}
    named = "；".join(
        f"“{headers.get(code, code)}”填写率由 {before.get(code, 0) / then.delivered:.0%} 变为 "
        f"{lately.get(code, 0) / now.delivered:.0%}"
        for _, code in moved[:_COLUMNS_NAMED]
    )
    message = f"单元格的填写情况与以前明显不同：{named}。"
    return Finding("empty_cells", message, {"columns": {code: index for index, code in moved}})
