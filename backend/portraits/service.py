"""Putting the portrait together from what each feature knows; nothing here is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from backend.catalogue.document import Category
from backend.catalogue.service import known_categories
from backend.identifiers.sealing import KeyRing
from backend.portraits.warnings import PortraitWarning, warning_rule_on, warnings_about
from backend.publicity.service import OwnLists, PublicPage, lists_about, public_page
from backend.records.models import CreditRecord
from backend.records.service import records_of
from backend.scores.models import Score
from backend.scores.policies import policy_of
from backend.scores.service import current_score, score_history
from backend.subjects.graph import RelationGraph, relation_graph
from backend.subjects.history import CodeHistory, code_history
from backend.subjects.models import Subject
from backend.subjects.service import get_public_subject, principals_of

_LISTED_AT_MOST = 200
_NO_LONGER_USED = frozenset({"repaired", "revoked", "expired"})


@dataclass(frozen=True)
class Evaluated:
    """One computation of the evaluation 综合评价; points in hundredths."""

    as_of: date
    total: int
    grade: str
    grade_name: str
    cause: str


@dataclass(frozen=True)
class CategoryCount:
    category: Category
    counted: int
    disputed: int
    no_longer_used: int


@dataclass(frozen=True)
class PortraitRecord:
    record: CreditRecord
    category: Category

    @property
    def level_name(self) -> str | None:
        return self.category.level_name(self.record.level)


@dataclass(frozen=True)
class Portrait:
    """For officers. `evaluations` oldest first; `records` newest first, at most _LISTED_AT_MOST.

    What was repaired, revoked or has expired is a number in `counts` and nothing more: it is shown and used no
    longer. Its life is read on the history page, with a reason.
    """

    subject: Subject
    history: CodeHistory
    evaluations: Sequence[Evaluated]
    counts: Sequence[CategoryCount]
    by_year: Mapping[int, Mapping[str, int]]
    records: Sequence[PortraitRecord]
    lists: OwnLists
    warnings: Sequence[PortraitWarning]


@dataclass(frozen=True)
class PublicPortrait:
    """What the law publishes, and never a natural person: not even as the end of a relation."""

    page: PublicPage
    history: CodeHistory
    graph: RelationGraph


def enterprise_portrait(session: Session, keys: KeyRing, code: str, *, today: date) -> Portrait:
    """By any code of an enterprise or organisation. Raises EnterpriseNotFound."""
    subject = get_public_subject(session, code)
    categories = known_categories(session, today)
    records = records_of(session, subject.id)
    in_use = [
        record
        for record in records_of(session, subject.id, listed_on=today)
        if record.state not in _NO_LONGER_USED
    ]
    scores = score_history(session, subject.id)
    evaluations = [_evaluated(session, score) for score in scores]
    current = current_score(session, subject.id)
    grades = policy_of(session, current.policy_hash)[0].grades if current else ()
    best_first = sorted(grades, key=lambda grade: grade.minimum, reverse=True)
    representatives = [
        relation.principal_id
        for relation in principals_of(session, subject.id, today)
        if relation.role == "legal_representative"
    ]
    return Portrait(
        subject=subject,
        history=code_history(session, keys, subject),
        evaluations=evaluations,
        counts=_counts(records, categories),
        by_year=_by_year(records, categories),
        records=[PortraitRecord(record, categories[record.category]) for record in in_use[:_LISTED_AT_MOST]],
        lists=lists_about(session, subject, today=today),
        warnings=warnings_about(
            in_use,
            [
                record
                for principal_id in representatives
                for record in records_of(session, principal_id, listed_on=today)
            ],
            categories=categories,
            grades=[score.grade for score in scores],
            grade_order=[grade.code for grade in best_first],
            rule=warning_rule_on(today),
            on=today,
        ),
    )


def public_portrait(session: Session, keys: KeyRing, code: str, *, today: date) -> PublicPortrait:
    """Raises EnterpriseNotFound, also when the code is a natural person's."""
    page = public_page(session, code, today=today)
    return PublicPortrait(
        page=page,
        history=code_history(session, keys, page.subject),
        graph=relation_graph(session, page.subject, depth=2, on=today, with_persons=False),
    )


def representatives_looked_at(session: Session, subject_id: int, *, today: date) -> Sequence[int]:
    """The natural persons whose records a portrait's warnings rest on: their ledgers say so."""
    return [
        relation.principal_id
        for relation in principals_of(session, subject_id, today)
        if relation.role == "legal_representative"
        and session.get_one(Subject, relation.principal_id).kind == "person"
    ]


def _evaluated(session: Session, score: Score) -> Evaluated:
    policy, _ = policy_of(session, score.policy_hash)
    names = {grade.code: grade.name for grade in policy.grades}
    return Evaluated(score.as_of, score.total, score.grade, names[score.grade], score.cause)


def _counts(records: Sequence[CreditRecord], categories: Mapping[str, Category]) -> Sequence[CategoryCount]:
    """In the order of the catalogue, only what there is."""
    states: dict[str, Counter[str]] = {}
    for record in records:
        states.setdefault(record.category, Counter())[record.state] += 1
    return [
        CategoryCount(
            category,
            counted=states[code]["active"],
            disputed=states[code]["disputed"],
            no_longer_used=sum(states[code][state] for state in _NO_LONGER_USED),
        )
        for code, category in categories.items()
        if code in states
    ]


def _by_year(
    records: Sequence[CreditRecord], categories: Mapping[str, Category]
) -> Mapping[int, Mapping[str, int]]:
    """Records in use by year of the event and polarity."""
    years: dict[int, Counter[str]] = {}
    for record in records:
        if record.state not in _NO_LONGER_USED:
            years.setdefault(record.event_on.year, Counter())[categories[record.category].polarity] += 1
    return {year: dict(years[year]) for year in sorted(years)}
