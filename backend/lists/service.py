"""Who is on the red list (红名单) on a day: one subject with every entry, everyone as SQL, and what is published.

Nobody is on it while listed for dishonesty (发改财金规〔2017〕1798号: the two are compared, and whoever is on both
is not on the red list). A listing under objection bars nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select
from sqlalchemy.orm import Session, aliased

from backend.catalogue.service import known_categories, still_listed
from backend.choices.service import declined_by, not_declined
from backend.lists.errors import RedListUnknown
from backend.lists.red_lists import RedList, red_lists_on
from backend.lists.statutory import StatutoryList, statutory_lists
from backend.records.models import CreditRecord
from backend.records.service import records_of
from backend.subjects.models import Subject

# A good record counts also while its subject disputes a detail of it; a listing under objection bars nobody.
_GOOD_STATES = ("active", "disputed")
PUBLISHED_KINDS = ("enterprise", "organisation")


@dataclass(frozen=True)
class RedListEntry:
    """`until` is the last day on which it stands."""

    red_list: RedList
    record: CreditRecord
    level_name: str | None
    until: date


@dataclass(frozen=True)
class RedListStanding:
    """`barred_by`: the lists for dishonesty that keep the subject off, whatever it was awarded."""

    awarded: Sequence[RedListEntry]
    barred_by: Sequence[StatutoryList]

    @property
    def entries(self) -> Sequence[RedListEntry]:
        return [] if self.barred_by else self.awarded


def red_list_standing(session: Session, subject: Subject, *, on: date) -> RedListStanding:
    """Newest award first. Whoever has died or was cancelled is on no list."""
    if subject.status != "active":
        return RedListStanding([], [])
    declined = declined_by(session, subject.id)
    found = records_of(session, subject.id, listed_on=on)
    records = [record for record in found if record.category not in declined]
    awarded = [
        entry
        for red_list in red_lists_on(on).lists.values()
        if subject.kind in red_list.subject_kinds
        for entry in _awarded(session, red_list, records, on)
    ]
    listed = statutory_lists()
    barring = {record.category for record in records if record.category in listed and _bars(record, on)}
    return RedListStanding(
        sorted(awarded, key=lambda entry: (entry.record.event_on, entry.record.id), reverse=True),
        [listed[category] for category in listed if category in barring],
    )


def _awarded(
    session: Session, red_list: RedList, records: Sequence[CreditRecord], on: date
) -> Sequence[RedListEntry]:
    category = known_categories(session, on).get(red_list.category)
    if category is None:
        return []
    found = [
        record
        for record in records
        if record.category == red_list.category and record.state in _GOOD_STATES and record.event_on <= on
    ]
    if red_list.newest_only:
        found = sorted(found, key=lambda record: (record.event_on, record.id))[-1:]
    levels = _ordinals(session, red_list, on)
    entries = [
        RedListEntry(red_list, record, category.level_name(record.level), _until(record, red_list))
        for record in found
        if levels is None or record.level in levels
    ]
    return [entry for entry in entries if on <= entry.until]


def _until(record: CreditRecord, red_list: RedList) -> date:
    last = record.event_on + timedelta(days=red_list.valid_days)
    return last if record.ended_on is None else min(last, record.ended_on)


def _bars(record: CreditRecord, on: date) -> bool:
    settled = [day for day in (record.ended_on, record.performed_on) if day is not None and day <= on]
    return record.state == "active" and record.event_on <= on and not settled


def is_red_listed(session: Session, subject: Subject, on: date) -> bool:
    return bool(red_list_standing(session, subject, on=on).entries)


def red_listed_in_sql(session: Session, subject: Any, on: date) -> ColumnElement[bool]:
    """The same for a query over many subjects; `subject` is their table or an alias of it."""
    awarded = [
        exists(
            _entries(session, red_list, on)
            .where(CreditRecord.subject_id == subject.id, subject.kind.in_(red_list.subject_kinds))
            .correlate(subject)
        )
        for red_list in red_lists_on(on).lists.values()
    ]
    return and_(subject.status == "active", or_(false(), *awarded), ~_barred(subject.id, on, correlate=subject))


def published_red_list(
    session: Session, list_code: str, *, on: date, text: str | None, before_id: int | None, limit: int
) -> Sequence[tuple[Subject, RedListEntry]]:
    """Enterprises and organisations on one list today, the row that came last first; natural persons never.

    `text` is a part of the name, or the whole code. Raises RedListUnknown.
    """
    red_list = red_lists_on(on).lists.get(list_code)
    category = known_categories(session, on).get(red_list.category) if red_list else None
    if red_list is None or category is None or category.disclosure != "public":
        raise RedListUnknown
    query = (
        _entries(session, red_list, on)
        .add_columns(Subject)
        .join(Subject, Subject.id == CreditRecord.subject_id)
        .where(
            Subject.kind.in_([kind for kind in red_list.subject_kinds if kind in PUBLISHED_KINDS]),
            Subject.status == "active",
            ~_barred(Subject.id, on, correlate=Subject),
        )
    )
    if text:
        query = query.where(
            or_(
                Subject.public_name.contains(text.strip(), autoescape=True),
                Subject.public_code == text.strip().upper(),
            )
        )
    if before_id is not None:
        query = query.where(CreditRecord.id < before_id)
    found = session.execute(query.order_by(CreditRecord.id.desc()).limit(limit))
    return [
        (subject, RedListEntry(red_list, record, category.level_name(record.level), _until(record, red_list)))
        for record, subject in found
    ]


def _entries(session: Session, red_list: RedList, on: date) -> Select[Any]:
    """The records that are entries of the list on the day, whoever's they are."""
    counted = [
        CreditRecord.category == red_list.category,
        CreditRecord.state.in_(_GOOD_STATES),
        CreditRecord.event_on <= on,
        CreditRecord.event_on >= on - timedelta(days=red_list.valid_days),
        or_(CreditRecord.ended_on.is_(None), CreditRecord.ended_on >= on),
        not_declined(CreditRecord.subject_id, CreditRecord.category),
        still_listed(CreditRecord.category, on),
    ]
    levels = _ordinals(session, red_list, on)
    if levels is not None:
        counted.append(CreditRecord.level.in_(sorted(levels)))
    if red_list.newest_only:
        newer = aliased(CreditRecord)
        later = or_(
            newer.event_on > CreditRecord.event_on,
            and_(newer.event_on == CreditRecord.event_on, newer.id > CreditRecord.id),
        )
        counted.append(
            ~exists(
                select(newer.id).where(
                    newer.subject_id == CreditRecord.subject_id,
                    newer.category == red_list.category,
                    newer.state.in_(_GOOD_STATES),
                    newer.event_on <= on,
                    later,
                )
            ).correlate(CreditRecord)
        )
    return select(CreditRecord).where(*counted)


def _barred(subject_id: Any, on: date, *, correlate: Any) -> ColumnElement[bool]:
    listing = aliased(CreditRecord)
    return exists(
        select(listing.id)
        .where(
            listing.subject_id == subject_id,
            listing.category.in_(list(statutory_lists())),
            listing.state == "active",
            listing.event_on <= on,
            still_listed(listing.category, on),
            or_(listing.ended_on.is_(None), listing.ended_on > on),
            or_(listing.performed_on.is_(None), listing.performed_on > on),
        )
        .correlate(correlate)
    )


def _ordinals(session: Session, red_list: RedList, on: date) -> frozenset[int] | None:
    """The levels as records hold them; None for every level."""
    if not red_list.levels:
        return None
    category = known_categories(session, on).get(red_list.category)
    levels = category.levels if category else ()
    return frozenset(place for place, level in enumerate(levels, start=1) if level.code in red_list.levels)
