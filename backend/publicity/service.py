"""The public page of an enterprise or organisation: what the law publishes about it, for as long as it may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalogue.document import Category
from backend.catalogue.service import catalogue_in_force, known_categories
from backend.commitments.one_list import ListedCommitment, listed_collected, listed_signed
from backend.commitments.service import is_published, record_of, signed_commitments_of
from backend.commitments.types import public_matters
from backend.lists.service import RedListEntry, red_list_standing
from backend.lists.statutory import StatutoryList, StatutoryMeasure, statutory_lists
from backend.objections.service import statements_beside
from backend.records.models import CreditRecord
from backend.records.service import records_of
from backend.repairs.publication import is_public, published_until
from backend.subjects.models import Subject
from backend.subjects.service import get_public_subject

LICENCES = ("admin_licence",)
PENALTIES = ("admin_penalty",)
COMMITMENTS = ("commitment",)

# A disputed record stays published with a mark; one that was revoked, repaired or has expired is gone at once.
_PUBLISHED_STATES = ("active", "disputed")


@dataclass(frozen=True)
class PublishedRecord:
    """`until` is the last day on which it may be public, None while nothing ends it.

    `statements` are the subject's own words after an objection to the record was not upheld.
    """

    record: CreditRecord
    category: Category
    until: date | None
    statements: Sequence[str]

    @property
    def title(self) -> str:
        """As it is published: a commitment does not name what was repaired."""
        if self.record.category not in COMMITMENTS:
            return self.record.title
        listed = listed_collected(self.record)
        matter = public_matters().get(listed.type_name)
        return self.record.title if matter is None else f"{listed.type_name}：{matter}"

    @property
    def disputed(self) -> bool:
        return self.record.state == "disputed"

    @property
    def level_name(self) -> str | None:
        return self.category.level_name(self.record.level)


@dataclass(frozen=True)
class PublishedCommitment:
    """`outcome` is the record of how it was fulfilled, None while nobody has looked at that."""

    listed: ListedCommitment
    outcome: PublishedRecord | None

    @classmethod
    def of(cls, listed: ListedCommitment, outcomes: Mapping[int, PublishedRecord]) -> PublishedCommitment:
        outcome = None if listed.record_id is None else outcomes[listed.record_id]
        return cls(replace(listed, matter=public_matters().get(listed.type_name, listed.matter)), outcome)


@dataclass(frozen=True)
class ListEntry:
    """An entry of a red list or of a statutory list (名单) that stands today.

    basis     the rule by which entities are listed
    measures  what the law attaches to a statutory list
    until     the last day on which it may be shown, unless it is taken off before; None while nothing ends it
    """

    published: PublishedRecord
    list_name: str
    basis: str
    until: date | None
    measures: Sequence[StatutoryMeasure] = ()


@dataclass(frozen=True)
class PublicPage:
    """Each list newest event first."""

    subject: Subject
    licences: Sequence[PublishedRecord]
    penalties: Sequence[PublishedRecord]
    commitments: Sequence[PublishedRecord]
    red_list: Sequence[ListEntry]
    statutory_lists: Sequence[ListEntry]


@dataclass(frozen=True)
class OwnLists:
    """`barred_by`: the lists for dishonesty that keep the subject off the red list meanwhile."""

    red_list: Sequence[ListEntry]
    statutory_lists: Sequence[ListEntry]
    barred_by: Sequence[StatutoryList]


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
        red_list=[
            entry
            for entry in _red_list(
                session, red_list_standing(session, subject, on=today).entries, categories, today
            )
            if entry.published.category.disclosure == "public"
        ],
        statutory_lists=_listings(published(list(statutory_lists())), today),
    )


def lists_about(session: Session, subject: Subject, *, today: date) -> OwnLists:
    """Every list that the subject is on today, for itself: also what is not published."""
    categories = known_categories(session, today)
    standing = red_list_standing(session, subject, on=today)
    listed = [
        record
        for record in records_of(session, subject.id, listed_on=today)
        if record.category in statutory_lists()
        and record.category in categories
        and record.state in _PUBLISHED_STATES
        and record.event_on <= today
    ]
    listings = _listings(_with_statements(session, listed, categories, today), today)
    return OwnLists(
        red_list=_red_list(session, standing.entries, categories, today),
        statutory_lists=[entry for entry in listings if entry.until is None or entry.until >= today],
        barred_by=standing.barred_by if standing.awarded else [],
    )


def _red_list(
    session: Session, entries: Sequence[RedListEntry], categories: Mapping[str, Category], today: date
) -> Sequence[ListEntry]:
    published = _with_statements(session, [entry.record for entry in entries], categories, today)
    return [
        ListEntry(one, list_name=entry.red_list.name, basis=entry.red_list.basis, until=entry.until)
        for entry, one in zip(entries, published, strict=True)
    ]


def _listings(published: Sequence[PublishedRecord], today: date) -> Sequence[ListEntry]:
    listed = statutory_lists()
    return [
        ListEntry(
            entry,
            list_name=listed[entry.record.category].name,
            basis=listed[entry.record.category].basis,
            until=_until(entry),
            measures=listed[entry.record.category].measures,
        )
        for entry in published
        # Taken off the list.
        if entry.record.ended_on is None or entry.record.ended_on >= today
    ]


def _until(entry: PublishedRecord) -> date | None:
    ends = [entry.record.ended_on, entry.until]
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
    return _with_statements(session, public_today, categories, today)


def _with_statements(
    session: Session, records: Sequence[CreditRecord], categories: Mapping[str, Category], today: date
) -> Sequence[PublishedRecord]:
    statements = statements_beside(session, [record.id for record in records])
    return [
        PublishedRecord(
            record,
            categories[record.category],
            published_until(record, categories[record.category], today=today),
            statements.get(record.id, []),
        )
        for record in records
    ]


def public_commitments(session: Session, code: str, *, today: date) -> Sequence[PublishedCommitment]:
    """The commitments of an enterprise or organisation, signed here or delivered, newest first; never a natural
    person's. Of those signed here only an enterprise's are published.

    One whose outcome was revoked, repaired or has expired is gone at once. Raises EnterpriseNotFound.
    """
    subject = get_public_subject(session, code)
    categories = catalogue_in_force(session, today).categories
    shown = {one.record.id: one for one in _published(session, subject.id, COMMITMENTS, categories, today)}
    public = [
        PublishedCommitment.of(listed_signed(commitment, record_of(session, commitment)), shown)
        for commitment in signed_commitments_of(session, subject.id)
        if is_published(commitment, subject)
        and commitment.state != "cancelled"
        and (commitment.record_id is None or commitment.record_id in shown)
    ]
    signed = {one.listed.record_id for one in public}
    public += [
        PublishedCommitment.of(listed_collected(one.record), shown)
        for record_id, one in shown.items()
        if record_id not in signed
    ]
    return sorted(public, key=lambda one: (one.listed.signed_on, one.listed.record_id or 0), reverse=True)
