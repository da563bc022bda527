"""What a report says: gathered once, fingerprinted to see later whether it still says the same.

A record that no longer shows is not here: repaired, revoked, expired, past its publication or retention period,
or internal to the departments. A disputed one is, with its mark and the subject's own words.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.authorizations.errors import MinorMayNotActivate
from backend.authorizations.service import has_activated
from backend.catalogue.document import Category
from backend.catalogue.service import catalogue_in_force
from backend.choices.service import not_declined
from backend.identifiers.sealing import KeyRing
from backend.objections.service import statements_beside
from backend.records.models import CreditRecord
from backend.repairs.publication import published_until
from backend.reports.errors import EvaluationMissing, NoLongerEvaluated, NoReportForThisSubject
from backend.reports.models import Stationery
from backend.scores.errors import NoScoreYet, NotActivated
from backend.scores.models import Score
from backend.scores.service import current_score
from backend.subjects.models import Subject, SubjectRelation
from backend.subjects.service import get_subject, is_adult, name_of, principals_of

_SHOWN_STATES = ("active", "disputed")


@dataclass(frozen=True)
class ShownRecord:
    """A record as it is printed. `statements` are the subject's own words after an objection not upheld."""

    record: CreditRecord
    category: Category
    statements: Sequence[str]

    @property
    def disputed(self) -> bool:
        return self.record.state == "disputed"


@dataclass(frozen=True)
class ReportFacts:
    """`score` is None on stationery without score; `relations` are an enterprise's, empty for persons."""

    subject: Subject
    score: Score | None
    sections: Sequence[tuple[Category, Sequence[ShownRecord]]]
    relations: Sequence[SubjectRelation]

    def fingerprint(self, keys: KeyRing) -> bytes:
        """32 bytes, keyed: nobody can guess from it what the report says. The day it was printed is not in it."""
        said = {
            "name": name_of(keys, self.subject),
            "status": self.subject.status,
            "score": self.score and [self.score.policy_hash, self.score.grade, self.score.contributions],
            "records": [
                [shown.record.id, shown.record.version, shown.disputed, list(shown.statements)]
                for _, records in self.sections
                for shown in records
            ],
            "relations": sorted([relation.principal_id, relation.role] for relation in self.relations),
        }
        return keys.blind_index("report:" + json.dumps(said, ensure_ascii=False, sort_keys=True))


def gather_facts(session: Session, subject_id: int, *, stationery: Stationery, today: date) -> ReportFacts:
    """As of `today` (city date).

    Raises SubjectNotFound, NoReportForThisSubject; with score also MinorMayNotActivate, NotActivated for a person
    without consent, NoScoreYet, NoLongerEvaluated and EvaluationMissing.
    """
    subject = get_subject(session, subject_id)
    if subject.kind not in ("person", "enterprise"):
        raise NoReportForThisSubject
    return ReportFacts(
        subject=subject,
        score=_score(session, subject, today) if stationery == "with_score" else None,
        sections=_sections(session, subject, today),
        relations=principals_of(session, subject.id, today) if subject.kind == "enterprise" else [],
    )


def _score(session: Session, subject: Subject, today: date) -> Score:
    score = current_score(session, subject.id)
    if subject.kind == "person":
        if not has_activated(session, subject.id):
            # Whoever is too young cannot open one either, so is not sent to do it.
            raise NotActivated if is_adult(subject, today) else MinorMayNotActivate
        if score is None:
            raise NoScoreYet
    elif score is None:
        raise EvaluationMissing if subject.status == "active" else NoLongerEvaluated
    return score


def _sections(session: Session, subject: Subject, today: date) -> Sequence[tuple[Category, Sequence[ShownRecord]]]:
    """By category in the catalogue's order, newest first. A category that the catalogue dropped is not printed."""
    categories = catalogue_in_force(session, today).categories
    places = {code: place for place, code in enumerate(categories)}
    records = [
        record
        for record in session.scalars(
            select(CreditRecord).where(
                CreditRecord.subject_id == subject.id,
                CreditRecord.state.in_(_SHOWN_STATES),
                CreditRecord.event_on <= today,
                not_declined(CreditRecord.subject_id, CreditRecord.category),
            )
        )
        if record.category in categories and _shows(record, categories[record.category], today)
    ]
    statements = statements_beside(session, [record.id for record in records])
    records.sort(key=lambda record: (places[record.category], -record.event_on.toordinal(), -record.id))
    return [
        (
            categories[code],
            [ShownRecord(record, categories[code], statements.get(record.id, [])) for record in of_category],
        )
        for code, of_category in groupby(records, key=lambda record: record.category)
    ]


def _shows(record: CreditRecord, category: Category, today: date) -> bool:
    if category.disclosure == "internal":
        return False
    until = published_until(record, category, today=today)
    return until is None or today <= until
