"""Collecting the facts that a scheme asks for, about one citizen and the enterprise they act for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, timedelta

from sqlalchemy.orm import Session

from backend.authorizations.service import has_activated
from backend.benefits.fact_catalogue import FACTS, RECORD_FACTS, FactSet, FactValue, RecordMeasure
from backend.choices.service import declined_by
from backend.lists.service import is_red_listed
from backend.records.models import CreditRecord
from backend.records.service import records_of
from backend.scores.service import current_score
from backend.subjects.models import Subject
from backend.subjects.service import age_on


def collect_facts(
    session: Session, *, holder: Subject, enterprise: Subject | None, wanted: Collection[str], on: date
) -> FactSet:
    """The wanted facts, each read through the service of the feature it belongs to.

    Only sources that a wanted fact needs are asked. Without an enterprise, facts about one are unknown, and
    so is everything about someone who has died; so is the score of someone who has not activated it, because
    there is none.
    """
    values: dict[str, FactValue | None] = {}
    for subject in (holder, enterprise):
        if subject is None or subject.status == "deceased":
            continue
        about = "holder" if subject is holder else "enterprise"
        of_subject = [code for code in wanted if FACTS[code].about == about]
        records: Sequence[CreditRecord] = ()
        if any(code in RECORD_FACTS for code in of_subject):
            declined = declined_by(session, subject.id)
            found = records_of(session, subject.id, listed_on=on)
            records = [record for record in found if record.category not in declined]
        for code in of_subject:
            if measure := RECORD_FACTS.get(code):
                values[code] = measure_records(records, measure, choices=list(FACTS[code].choices), on=on)
            else:
                values[code] = _READERS[code](session, subject, on)
    return FactSet(on=on, values=values)


def measure_records(
    records: Iterable[CreditRecord], measure: RecordMeasure, *, choices: list[str], on: date
) -> FactValue | None:
    """A number, a date or a level from the records that the measure speaks of."""
    counted = [record for record in records if _counts(record, measure, on)]
    if measure.measure == "count":
        return len(counted)
    if measure.measure == "quantity":
        return sum(record.quantity for record in counted)
    newest = max(counted, key=lambda record: (record.event_on, record.id), default=None)
    if newest is None:
        return None
    if measure.measure == "latest_on":
        return newest.event_on
    return choices[newest.level - 1] if 1 <= newest.level <= len(choices) else None


def _counts(record: CreditRecord, measure: RecordMeasure, on: date) -> bool:
    states = {"active"} if measure.adverse else {"active", "disputed"}
    if record.category != measure.category or record.state not in states or record.event_on > on:
        return False
    if measure.levels is not None and record.level not in measure.levels:
        return False
    if measure.window_days is not None and record.event_on <= on - timedelta(days=measure.window_days):
        return False
    if measure.unsettled:
        settled = record.performed_on is not None and record.performed_on <= on
        ended = record.ended_on is not None and record.ended_on <= on
        return not settled and not ended
    return True


def _total(session: Session, subject: Subject, _on: date) -> int | None:
    score = current_score(session, subject.id)
    return score.total if score else None


def _grade(session: Session, subject: Subject, _on: date) -> str | None:
    score = current_score(session, subject.id)
    return score.grade if score else None


_READERS: dict[str, Callable[[Session, Subject, date], FactValue | None]] = {
    "consent.activated": lambda session, holder, _on: has_activated(session, holder.id),
    "person.age": lambda _session, holder, on: age_on(holder, on),
    "person.red_listed": is_red_listed,
    "score.total": _total,
    "enterprise.red_listed": is_red_listed,
    "enterprise.active": lambda _session, enterprise, _on: enterprise.status == "active",
    "enterprise.evaluation": _grade,
    "enterprise.registered_days": lambda _session, enterprise, on: (
        (on - enterprise.registered_on).days if enterprise.registered_on else None
    ),
}
