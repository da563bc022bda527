"""The public page of an enterprise or organisation: what the law publishes about it, for as long as it may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalogue.document import Category
from backend.catalogue.service import catalogue_in_force
from backend.commitments.one_list import ListedCommitment, listed_collected, listed_signed
from backend.commitments.service import is_published, record_of, signed_commitments_of
from backend.objections.lists import statutory_lists
from backend.objections.service import statements_beside
from backend.records.models import CreditRecord
from backend.repairs.publication import is_public, published_until
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
    """`statements` are the subject's own words after an objection to the record was not upheld."""

    record: CreditRecord
    category: Category
    statements: Sequence[str]

    @property
    def level_name(self) -> str | None:
        return self.category.level_name(self.record.level)


@dataclass(frozen=True)
class ListEntry:
    """An entry of a statutory list (名单) that stands today.

    basis  the rule by which entities are listed
    until  the last day on which it may be shown, unless it is taken off before; None while nothing ends it
    """

    published: PublishedRecord
    list_name: str
    basis: str
    until: date | None


@dataclass(frozen=True)
class PublicPage:
    """Each list newest event first."""

    subject: Subject
    licences: Sequence[PublishedRecord]
    penalties: Sequence[PublishedRecord]
    commitments: Sequence[PublishedRecord]
    red_list: Sequence[PublishedRecord]
    statutory_lists: Sequence[ListEntry]


def public_page(session: Session, code: str, *, today: date) -> PublicPage:
    """By unified social credit code. Raises EnterpriseNotFound, also when the code is a natural person's."""
    subject = get_public_subject(session, code)
    categories = catalogue_in_force(session, today).categories
    listed = statutory_lists()

    def published(codes: Sequence[str]) -> Sequence[PublishedRecord]:
        return _published(session, subject.id, codes, categories, today)

    return PublicPage(
        subject=subject,
        licences=published(LICENCES),
        penalties=published(PENALTIES),
        commitments=published(COMMITMENTS),
        red_list=published(RED_LIST),
        statutory_lists=[
            ListEntry(
                entry,
                list_name=listed[entry.record.category].name,
                basis=listed[entry.record.category].basis,
                until=_until(entry, today),
            )
            for entry in published(list(listed))
            # Taken off the list.
            if entry.record.ended_on is None or entry.record.ended_on >= today
        ],
    )


def _until(entry: PublishedRecord, today: date) -> date | None:
    ends = [entry.record.ended_on, published_until(entry.record, entry.category, today=today)]
    return min((day for day in ends if day is not None), default=None)


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
    public_today = [record for record in records if is_public(record, categories[record.category], today=today)]
    statements = statements_beside(session, [record.id for record in public_today])
    return [
        PublishedRecord(record, categories[record.category], statements.get(record.id, []))
        for record in public_today
    ]


def public_commitments(session: Session, code: str, *, today: date) -> Sequence[ListedCommitment]:
    """An enterprise's commitments, signed here or delivered, newest first; never a natural person's.

    One whose outcome was revoked, repaired or has expired is gone at once. Raises EnterpriseNotFound.
    """
    subject = get_public_subject(session, code)
    if subject.kind != "enterprise":
        return []
    categories = catalogue_in_force(session, today).categories
    shown = {published.record.id for published in _published(session, subject.id, COMMITMENTS, categories, today)}
    public = [
        listed_signed(commitment, record_of(session, commitment))
        for commitment in signed_commitments_of(session, subject.id)
        if is_published(commitment, subject)
        and commitment.state != "cancelled"
        and (commitment.record_id is None or commitment.record_id in shown)
    ]
    signed = {one.record_id for one in public}
    public += [
        listed_collected(session.get_one(CreditRecord, record_id))
        for record_id in shown
        if record_id not in signed
    ]
    return sorted(public, key=lambda one: (one.signed_on, one.record_id or 0), reverse=True)
