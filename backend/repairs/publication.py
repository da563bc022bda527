"""How long a record may be public, and what happens when that ends by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from backend.catalogue.document import Category
from backend.catalogue.service import catalogue_in_force
from backend.city_calendar import city_date
from backend.months import add_months
from backend.notifications.service import Recipient, notify
from backend.records.contents import content_cell
from backend.records.models import CreditRecord
from backend.records.retention import kept_until, retention_rule_on
from backend.repairs.models import PublicationEnd
from backend.repairs.rules import RepairRule, rule_on

STATED_END = "公示截止期"
_AT_ONCE = 500
_TOLD_WITHIN = timedelta(days=31)
"""Nobody is told of what ended long ago, when the city has only just begun to watch."""


def published_until(record: CreditRecord, category: Category, *, today: date) -> date | None:
    """The last day on which the record may be public; None while nothing ends it.

    Every record ends with the retention of its category, which counts from the end of the matter. An adverse one
    ends earlier: with the longest publication period of its seriousness by the rules in force today, with the
    catalogue's own for its level, or on the day that the department stated, whichever comes first.
    """
    ends: list[date] = []
    if category.polarity == "negative" and (stated := record.content.get(STATED_END)):
        ends.append(date.fromisoformat(stated))
    if (kept := kept_until(record, category, retention_rule_on(today))) is not None:
        ends.append(kept)
    if record.level and (period := category.levels[record.level - 1].published_days) is not None:
        ends.append(record.event_on + timedelta(days=period))
    rule = rule_on(today)
    if (seriousness := rule.seriousness_of(category, record.level)) is not None:
        ends.append(rule.levels[seriousness].published_until(record.event_on))
    return min(ends, default=None)


def is_public(record: CreditRecord, category: Category, *, today: date) -> bool:
    """Whether the record, of a public category and still counting, may be shown to everyone today.

    Slight information is in principle not published: only where the department found that necessary.
    """
    rule = rule_on(today)
    seriousness = rule.seriousness_of(category, record.level)
    if seriousness is not None and rule.levels[seriousness].published == "when_stated":
        # What a category does not publish by levels (a commitment's outcome) is no publication of a breach.
        stated = record.content.get(STATED_END)
        if not stated and category.polarity == "negative":
            return False
    until = published_until(record, category, today=today)
    return until is None or today <= until


def end_due_publications(session: Session, *, now: datetime) -> int:
    """Note which adverse records' publication has ended by itself, and tell their subjects; how many,
    0 when none is left. Run by the worker. That a record expires with its retention is the sweep's part
    (`records.deletions`).

    A record under objection waits until that is decided.
    """
    today = city_date(now)
    rule = rule_on(today)
    dealt_with = 0
    for category in catalogue_in_force(session, today).categories.values():
        if category.disclosure == "public" and category.polarity == "negative":
            dealt_with += _end_publication(session, category, rule, today=today, now=now)
    return dealt_with


def _end_publication(session: Session, category: Category, rule: RepairRule, *, today: date, now: datetime) -> int:
    count = 0
    for record in _perhaps_ended(session, category, rule, today):
        until = published_until(record, category, today=today)
        if until is None or until >= today:
            continue
        session.add(PublicationEnd(record_id=record.id, ended_on=until, rule=rule.code, noted_at=now))
        count += 1
        if until >= today - _TOLD_WITHIN:
            notify(
                session,
                Recipient(subject_id=record.subject_id),
                kind="publication_ended",
                title="公示期届满",
                body=f"“{record.title}”的公示期已于 {until:%Y-%m-%d} 届满，公示页不再展示。",
                about=f"record:{record.id}",
                once_key=f"publication-ended:{record.id}",
                now=now,
            )
    session.flush()
    return count


def _perhaps_ended(session: Session, category: Category, rule: RepairRule, today: date) -> Sequence[CreditRecord]:
    """Locked, the oldest first, at most so many at once: those whose publication ought to have ended, give or take
    the days by which months differ."""
    stated = content_cell(session, STATED_END)
    by_level = [
        and_(CreditRecord.level == level, CreditRecord.event_on <= _ended_if_of(category, level, rule, today))
        for level in range(len(category.levels) + 1)
        if rule.seriousness_of(category, level) is not None
    ]
    return session.scalars(
        select(CreditRecord)
        .where(
            CreditRecord.category == category.code,
            CreditRecord.state == "active",
            ~exists().where(PublicationEnd.record_id == CreditRecord.id),
            or_(stated < today.isoformat(), *by_level),
        )
        .order_by(CreditRecord.event_on, CreditRecord.id)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()


def _ended_if_of(category: Category, level: int, rule: RepairRule, today: date) -> date:
    """The last day of the matter for which the longest period of this level may be over."""
    seriousness = rule.seriousness_of(category, level)
    days = [add_months(today, -rule.levels[seriousness].longest_months)] if seriousness else []
    if level and (period := category.levels[level - 1].published_days) is not None:
        days.append(today - timedelta(days=period + 1))
    return max(days)
