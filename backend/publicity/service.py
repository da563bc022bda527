"""The public page of an enterprise or organisation: what the law publishes about it, for as long as it may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalogue.document import Category
from backend.catalogue.service import catalogue_in_force
from backend.records.models import CreditRecord
from backend.subjects.models import Subject
from backend.subjects.service import get_public_subject

LICENCES = ("admin_licence",)
PENALTIES = ("admin_penalty",)
COMMITMENTS = ("commitment",)
RED_LIST = ("honour",)

# A disputed record stays published with a mark; one that was revoked, repaired or has expired is gone at once.
_PUBLISHED_STATES = ("active", "disputed")


@dataclass(frozen=True)
class PublishedRecord:
    record: CreditRecord
    category: Category

    @property
    def level_name(self) -> str | None:
        return self.category.level_name(self.record.level)


@dataclass(frozen=True)
class PublicPage:
    """Each list newest event first."""

    subject: Subject
    licences: Sequence[PublishedRecord]
    penalties: Sequence[PublishedRecord]
    commitments: Sequence[PublishedRecord]
    red_list: Sequence[PublishedRecord]


def public_page(session: Session, code: str, *, today: date) -> PublicPage:
    """By unified social credit code. Raises EnterpriseNotFound, also when the code is a natural person's."""
    subject = get_public_subject(session, code)
    categories = catalogue_in_force(session, today).categories

    def published(codes: Sequence[str]) -> Sequence[PublishedRecord]:
        return _published(session, subject.id, codes, categories, today)

    return PublicPage(
        subject=subject,
        licences=published(LICENCES),
        penalties=published(PENALTIES),
        commitments=published(COMMITMENTS),
        red_list=published(RED_LIST),
    )


def published_until(record: CreditRecord, category: Category) -> date | None:
    """The last day on which the record may be public; None while nothing ends it.

    Adverse records of a level with a publication period end with that (Order 36); every record ends with the
    retention of its category, which counts from the end of the matter.
    """
    ends: list[date] = []
    if category.retention_days is not None:
        ends.append((record.ended_on or record.event_on) + timedelta(days=category.retention_days))
    if record.level and (period := category.levels[record.level - 1].published_days) is not None:
        ends.append(record.event_on + timedelta(days=period))
    return min(ends, default=None)


def _published(
    session: Session,
    subject_id: int,
    codes: Sequence[str],
    categories: Mapping[str, Category],
    today: date,
) -> Sequence[PublishedRecord]:
    public = [code for code in codes if code in categories and categories[code].disclosure == "public"]
    records = session.scalars(
        select(CreditRecord)
        .where(
            CreditRecord.subject_id == subject_id,
            CreditRecord.category.in_(public),
            CreditRecord.state.in_(_PUBLISHED_STATES),
            CreditRecord.event_on <= today,
        )
        .order_by(CreditRecord.event_on.desc(), CreditRecord.id.desc())
    )
    return [
        PublishedRecord(record, categories[record.category])
        for record in records
        if (until := published_until(record, categories[record.category])) is None or today <= until
    ]
