"""What citizens read about themselves: records with their catalogue entries, objections with what is disputed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from backend.catalogue.document import Category
from backend.catalogue.service import catalogue_in_force, category_in_force
from backend.city_calendar import city_date
from backend.evidence.models import EvidenceFile
from backend.evidence.service import evidence_of
from backend.objections.department_evidence import departments_evidence_for_subject
from backend.objections.matters import Matter, matter_of
from backend.objections.models import Objection, ObjectionEvent
from backend.objections.service import (
    events_of,
    get_own_objection,
    objections_of,
    open_objections_by_record,
    statements_beside,
)
from backend.records.life import LifeEvent, life_of
from backend.records.models import CreditRecord, RecordState
from backend.records.service import get_own_record, records_of


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
    matter: Matter


@dataclass(frozen=True)
class OwnObjectionInFull(OwnObjection):
    """`events` oldest first."""

    events: Sequence[ObjectionEvent]
    evidence: Sequence[EvidenceFile]
    department_evidence: Sequence[EvidenceFile]


def own_records(
    session: Session,
    subject_id: int,
    *,
    today: date,
    category: str | None = None,
    state: RecordState | None = None,
    before: tuple[date, int] | None = None,
    limit: int,
) -> Sequence[OwnRecord]:
    """Latest act first, in every state: what is no longer shown to others is still theirs to see."""
    records = records_of(session, subject_id, category=category, state=state, before=before, limit=limit)
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
        statements_beside(session, [record.id]).get(record.id, []),
    )


def own_objections(session: Session, subject_id: int, *, today: date) -> Sequence[OwnObjection]:
    """Newest first, with those of the enterprises that the citizen represents."""
    return [
        OwnObjection(objection, matter_of(session, objection))
        for objection in objections_of(session, subject_id, today)
    ]


def own_objection(session: Session, subject_id: int, objection_id: UUID, *, today: date) -> OwnObjectionInFull:
    """Raises ObjectionNotFound, also for someone else's."""
    objection = get_own_objection(session, subject_id=subject_id, objection_id=objection_id, on=today)
    return OwnObjectionInFull(
        objection,
        matter_of(session, objection),
        events_of(session, objection.id),
        evidence_of(session, objection.case),
        departments_evidence_for_subject(session, objection),
    )


class _Catalogue:
    """The catalogue in force today; for a category that it dropped, the one the record was collected under."""

    def __init__(self, session: Session, today: date) -> None:
        self._session = session
        self._today = catalogue_in_force(session, today).categories

    def category_of(self, record: CreditRecord) -> Category:
        return self._today.get(record.category) or category_in_force(
            self._session, record.category, city_date(record.created_at)
        )
