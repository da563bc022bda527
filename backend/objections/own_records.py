"""What citizens read about themselves: records with their catalogue entries, objections with their records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalogue.document import Category
from backend.catalogue.service import catalogue_in_force, category_in_force
from backend.city_calendar import city_date
from backend.objections.models import Objection
from backend.objections.service import get_own_objection, objections_of, open_objections_by_record
from backend.records.life import LifeEvent, life_of
from backend.records.models import CreditRecord
from backend.records.service import RecordState, get_own_record, records_of


@dataclass(frozen=True)
class OwnRecord:
    """`objection_id` is that of the open objection; there is one at most."""

    record: CreditRecord
    category: Category
    objection_id: UUID | None

    @property
    def may_object(self) -> bool:
        return self.objection_id is None and self.record.state != "revoked"

    @property
    def level_name(self) -> str | None:
        return self.category.level_name(self.record.level)


@dataclass(frozen=True)
class OwnRecordInFull(OwnRecord):
    """`versions` oldest first, each with what it did.

    `statements` are the citizen's own words after objections that were not upheld.
    """

    versions: Sequence[LifeEvent]
    statements: Sequence[str]


@dataclass(frozen=True)
class OwnObjection:
    objection: Objection
    record: CreditRecord
    category: Category


def own_records(
    session: Session,
    subject_id: int,
    *,
    today: date,
    category: str | None = None,
    state: RecordState | None = None,
    before_id: int | None = None,
    limit: int,
) -> Sequence[OwnRecord]:
    """Newest row first, in every state: what is no longer shown to others is still theirs to see."""
    records = records_of(session, subject_id, category=category, state=state, before_id=before_id, limit=limit)
    objections = open_objections_by_record(session, [record.id for record in records])
    catalogue = _Catalogue(session, today)
    return [OwnRecord(record, catalogue.category_of(record), objections.get(record.id)) for record in records]


def own_record(session: Session, subject_id: int, record_id: int, *, today: date) -> OwnRecordInFull:
    """Raises RecordNotFound, also for someone else's."""
    record = get_own_record(session, subject_id, record_id)
    category = _Catalogue(session, today).category_of(record)
    return OwnRecordInFull(
        record,
        category,
        open_objections_by_record(session, [record.id]).get(record.id),
        life_of(session, record, category),
        _statements_beside(session, record.id),
    )


def own_objections(session: Session, subject_id: int, *, today: date) -> Sequence[OwnObjection]:
    """Newest first."""
    catalogue = _Catalogue(session, today)
    return [_with_record(session, objection, catalogue) for objection in objections_of(session, subject_id)]


def own_objection(session: Session, subject_id: int, objection_id: UUID, *, today: date) -> OwnObjection:
    """Raises ObjectionNotFound, also for someone else's."""
    objection = get_own_objection(session, subject_id=subject_id, objection_id=objection_id)
    return _with_record(session, objection, _Catalogue(session, today))


def _with_record(session: Session, objection: Objection, catalogue: _Catalogue) -> OwnObjection:
    record = get_own_record(session, objection.subject_id, objection.record_id)
    return OwnObjection(objection, record, catalogue.category_of(record))


def _statements_beside(session: Session, record_id: int) -> Sequence[str]:
    statements = session.scalars(
        select(Objection.statement)
        .where(Objection.record_id == record_id, Objection.statement.is_not(None))
        .order_by(Objection.decided_at)
    )
    return [statement for statement in statements if statement]


class _Catalogue:
    """The catalogue in force today; for a category that it dropped, the one the record was collected under."""

    def __init__(self, session: Session, today: date) -> None:
        self._session = session
        self._today = catalogue_in_force(session, today).categories

    def category_of(self, record: CreditRecord) -> Category:
        return self._today.get(record.category) or category_in_force(
            self._session, record.category, city_date(record.created_at)
        )
