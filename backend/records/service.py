"""Reading a subject's records, and changing one: every change is a new version with who, when and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from backend.catalogue.service import still_listed
from backend.city_calendar import CITY_ZONE
from backend.records.errors import CorrectionRefused, RecordNotFound, RecordStateUnchanged
from backend.records.models import CreditRecord, Delivery, RecordState, RecordVersion
from backend.records.storing import facts_of, first_version, keep_facts, version_of
from backend.subjects.rescoring import mark_for_rescoring

BY_THE_SYSTEM = "系统按期限自动处理"

CORRECTABLE = ("title", "event_on", "ended_on", "performed_on", "quantity", "amount", "level", "content")
"""What an officer may correct after an objection. Whose record it is, and of which category, never changes:
such a record is revoked and delivered anew."""


def records_of(
    session: Session,
    subject_id: int,
    *,
    category: str | None = None,
    state: RecordState | None = None,
    before: tuple[date, int] | None = None,
    limit: int | None = None,
    listed_on: date | None = None,
) -> list[CreditRecord]:
    """The subject's records, latest act first; `before` (its day, id) and `limit` read them page by page.

    `listed_on`: only those whose category the catalogue in force on that day lists, for whoever uses them.
    """
    query = (
        select(CreditRecord)
        .where(CreditRecord.subject_id == subject_id)
        .order_by(CreditRecord.event_on.desc(), CreditRecord.id.desc())
    )
    if category is not None:
        query = query.where(CreditRecord.category == category)
    if state is not None:
        query = query.where(CreditRecord.state == state)
    if listed_on is not None:
        query = query.where(still_listed(CreditRecord.category, listed_on))
    if before is not None:
        query = query.where(tuple_(CreditRecord.event_on, CreditRecord.id) < tuple_(*before))
    if limit is not None:
        query = query.limit(limit)
    return list(session.scalars(query))


def get_own_record(session: Session, subject_id: int, record_id: int) -> CreditRecord:
    """Someone else's record is reported as not found, so ids cannot be probed. Raises RecordNotFound."""
    record = session.get(CreditRecord, record_id)
    if record is None or record.subject_id != subject_id:
        raise RecordNotFound
    return record


def get_record(session: Session, record_id: int) -> CreditRecord:
    """For officers, who are not asked whose record it is. Raises RecordNotFound."""
    record = session.get(CreditRecord, record_id)
    if record is None:
        raise RecordNotFound
    return record


def lock_own_record(session: Session, subject_id: int, record_id: int) -> CreditRecord:
    """The same, and nobody else changes it until the transaction ends. Raises RecordNotFound."""
    record = lock_record(session, record_id)
    if record.subject_id != subject_id:
        raise RecordNotFound
    return record


def lock_record(session: Session, record_id: int) -> CreditRecord:
    """For officers and departments, who are not asked whose record it is. Raises RecordNotFound."""
    record = session.scalar(
        select(CreditRecord)
        .where(CreditRecord.id == record_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if record is None:
        raise RecordNotFound
    return record


def change_state(
    session: Session, record: CreditRecord, *, state: RecordState, changed_by: str, reason: str, now: datetime
) -> RecordVersion:
    """Give a locked record another state, write the version, and mark the subject for a new score.

    Raises RecordStateUnchanged.
    """
    if record.state == state:
        raise RecordStateUnchanged(state)
    keep_facts(session, [record])
    record.state = state
    return _new_version(session, record, changed_by=changed_by, reason=reason, now=now, cause=f"record_{state}")


def expire_records(session: Session, records: Sequence[CreditRecord], *, reason: str, now: datetime) -> None:
    """Take locked records out of display, sharing and scores, as one piece of work for many."""
    if not records:
        return
    keep_facts(session, records)
    for record in records:
        record.state = "expired"
        record.version += 1
        session.add(version_of(record, now=now, changed_by=BY_THE_SYSTEM, reason=reason))
    session.flush()
    mark_for_rescoring(session, [record.subject_id for record in records], "record_expired", now)


def correct_record(
    session: Session,
    record: CreditRecord,
    *,
    changes: Mapping[str, Any],
    changed_by: str,
    reason: str,
    now: datetime,
) -> RecordVersion:
    """Correct facts of a locked record (attributes in CORRECTABLE). A later delivery of the wrong facts again does
    not undo it: it still counts as the duplicate that it is.

    Raises CorrectionRefused for other attributes, and when nothing would change.
    """
    refused = [name for name in changes if name not in CORRECTABLE]
    if refused or all(getattr(record, name) == value for name, value in changes.items()):
        raise CorrectionRefused(refused)
    keep_facts(session, [record])
    for name, value in changes.items():
        setattr(record, name, value)
    return _new_version(session, record, changed_by=changed_by, reason=reason, now=now, cause="record_corrected")


def versions_of(session: Session, record_id: int) -> Sequence[RecordVersion]:
    """The record's whole life, oldest first; empty once its content is deleted."""
    record = session.get(CreditRecord, record_id)
    return [] if record is None else versions_of_records(session, [record])[record_id]


def versions_of_records(
    session: Session, records: Sequence[CreditRecord]
) -> Mapping[int, Sequence[RecordVersion]]:
    """The same of several (a few thousand at most), by record id."""
    found: dict[int, list[RecordVersion]] = {record.id: [] for record in records}
    for version in session.scalars(
        select(RecordVersion)
        .where(RecordVersion.record_id.in_(found))
        .order_by(RecordVersion.record_id, RecordVersion.version)
    ):
        found[version.record_id].append(version)
    for record in records:
        if not found[record.id] and record.facts_digest:
            found[record.id].append(first_version(record))
    return found


def facts_at(session: Session, version: RecordVersion) -> dict[str, Any]:
    """What the record said in that version: dates, amounts (cents), level, content and the rest."""
    return version.facts or facts_of(session.get_one(CreditRecord, version.record_id))


def record_on(session: Session, record_id: int, on: date) -> RecordVersion | None:
    """The version that the city knew at the end of the day `on`; None when it was not yet delivered."""
    known = [version for version in versions_of(session, record_id) if version.changed_at < _end_of(on)]
    return known[-1] if known else None


@dataclass(frozen=True)
class KnownRecord:
    """A record as the city knew it at the end of a day: the version of that day, and what it said.

    `facts` as in `facts_at`; `delivered_at` is when the city first learnt of the matter.
    """

    record_id: int
    category: str
    delivered_at: datetime
    version: RecordVersion
    facts: Mapping[str, Any]


def records_known_on(session: Session, subject_id: int, on: date) -> Sequence[KnownRecord]:
    """What the city knew about a subject at the end of the day `on`, oldest record first.

    What was delivered later is absent, what was corrected or ended later stands as it stood then. A record whose
    content has been deleted since (`backend.records.deletions`) is gone for every day.
    """
    records = session.scalars(
        select(CreditRecord)
        .where(CreditRecord.subject_id == subject_id, CreditRecord.created_at < _end_of(on))
        .order_by(CreditRecord.id)
    ).all()
    versions = versions_of_records(session, records)
    known = []
    for record in records:
        in_time = [version for version in versions[record.id] if version.changed_at < _end_of(on)]
        if in_time:
            facts = in_time[-1].facts or facts_of(record)
            known.append(KnownRecord(record.id, record.category, record.created_at, in_time[-1], facts))
    return known


def deliveries(
    session: Session,
    *,
    source_department: str | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 20,
) -> Sequence[Delivery]:
    """Newest first; `before` is (received_at, id) of the last one already seen."""
    query = select(Delivery).order_by(Delivery.received_at.desc(), Delivery.id.desc()).limit(limit)
    if source_department is not None:
        query = query.where(Delivery.source_department == source_department)
    if before is not None:
        received_at, delivery_id = before
        query = query.where(
            (Delivery.received_at < received_at)
            | ((Delivery.received_at == received_at) & (Delivery.id < delivery_id))
        )
    return session.scalars(query).all()


def _end_of(day: date) -> datetime:
    """The first moment after the city's day."""
    return datetime.combine(day + timedelta(days=1), time(), CITY_ZONE)


def _new_version(
    session: Session, record: CreditRecord, *, changed_by: str, reason: str, now: datetime, cause: str
) -> RecordVersion:
    record.version += 1
    version = version_of(record, now=now, changed_by=changed_by, reason=reason)
    session.add(version)
    session.flush()
    mark_for_rescoring(session, [record.subject_id], cause, now)
    return version
