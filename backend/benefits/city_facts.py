"""The facts of everyone in a city at once, as one SELECT: what a simulation reads.

The same facts as `facts.collect_facts` gives for one subject; the tests hold the two to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, timedelta
from typing import Any
from typing import cast as cast_type

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    case,
    cast,
    exists,
    extract,
    func,
    literal,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session, aliased

from backend.authorizations.models import Consent, ConsentEvent
from backend.benefits.city_readings import CityFacts, as_sql, city_facts
from backend.benefits.conditions import Condition
from backend.benefits.fact_catalogue import FACTS, RECORD_FACTS, RecordMeasure
from backend.benefits.scheme_document import Scheme
from backend.catalogue.models import CatalogueVersion
from backend.catalogue.service import still_listed
from backend.choices.models import DeclinedCategory
from backend.choices.service import not_declined
from backend.lists.service import red_listed_in_sql
from backend.records.models import CreditRecord, RecordDeletion, RecordVersion
from backend.scores.models import PublishedRun, Score
from backend.subjects.models import Subject, SubjectChange, SubjectRelation

Int64 = NDArray[np.int64]

Holder = aliased(Subject, name="holder")
Enterprise = aliased(Subject, name="enterprise")


def facts_of_city(
    session: Session, scheme_facts: Collection[str], *, audience: str, on: date
) -> tuple[CityFacts, list[str], list[str]]:
    """Facts, district and grade of everyone a scheme could be for, in one order.

    Persons: everyone who has opted in, as nobody else is eligible for anything. Enterprises: with each of their
    legal representatives, as at the counter.
    """
    codes = sorted(scheme_facts)
    query = select_facts(session, codes, audience=audience, on=on)
    rows = session.execute(query).all()
    found = [{code: _read(code, row[place]) for place, code in enumerate(codes, start=2)} for row in rows]
    return city_facts(found, codes, on=on), [row[0] for row in rows], [row[1] or "" for row in rows]


def count_in_sql(session: Session, scheme: Scheme, *, on: date) -> int:
    """How many meet the scheme's own conditions, decided by the database alone: the auditor's reading."""
    codes = sorted(scheme.facts)
    facts = select_facts(session, codes, audience=scheme.audience, on=on).subquery()
    columns = {code: facts.c[f"fact_{place}"] for place, code in enumerate(codes)}
    meets = _meets(scheme, lambda code: columns[code], on)
    return session.scalar(select(func.count()).select_from(facts).where(meets)) or 0


def _meets(scheme: Scheme, column_of: Callable[[str], ColumnElement[Any]], on: date) -> ColumnElement[bool]:
    tiers: list[Condition | None] = [tier.condition for tier in scheme.tiers]
    own = as_sql(scheme.condition, column_of, on=on)
    if None in tiers:
        return own
    return own & or_(*(as_sql(tier, column_of, on=on) for tier in tiers if tier is not None))


def select_facts(session: Session, codes: Collection[str], *, audience: str, on: date) -> Select[Any]:
    """district, grade, then `fact_0`, `fact_1`, … in the order of the codes."""
    beneficiary = Holder if audience == "person" else Enterprise
    about = {"holder": Holder.id, "enterprise": Enterprise.id}
    facts = [
        _fact(session, code, about[FACTS[code].about], on).label(f"fact_{place}")
        for place, code in enumerate(codes)
    ]
    return _everyone(select(beneficiary.district, _score(beneficiary.id, Score.grade), *facts), audience, on)


def subjects_of_city(session: Session, *, audience: str, on: date) -> tuple[Int64, Int64]:
    """Holder and enterprise of everyone, in the order of `facts_of_city`; persons have no enterprise (0)."""
    enterprise = literal(0) if audience == "person" else Enterprise.id
    query = cast_type(Select[Any], select(Holder.id, enterprise))
    rows = session.execute(_everyone(query, audience, on)).all()
    pairs = np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def state_of_city(session: Session) -> tuple[Any, ...]:
    """Differs as soon as anything was written that a fact of the city is read from; a few looks at the ends of
    indexes, however large the city.
    """
    newest = (
        *(CreditRecord.id, RecordVersion.id, RecordDeletion.number, ConsentEvent.id),
        *(Subject.id, SubjectChange.id, SubjectRelation.id, DeclinedCategory.id, CatalogueVersion.id),
    )
    moving = [select(func.max(column)).scalar_subquery() for column in newest]
    # What is ended keeps its row.
    declined = select(func.count(DeclinedCategory.ended_at)).scalar_subquery()
    ended = select(func.count(SubjectRelation.valid_to)).scalar_subquery()
    runs = session.execute(
        select(PublishedRun.subject_kind, PublishedRun.run_id).order_by(PublishedRun.subject_kind)
    )
    return *session.execute(select(*moving, declined, ended)).one(), *runs


def _everyone(query: Select[Any], audience: str, on: date) -> Select[Any]:
    if audience == "person":
        return query.where(Holder.kind == "person", _activated(Holder.id)).order_by(Holder.id)
    return (
        query.select_from(Enterprise)
        .join(SubjectRelation, SubjectRelation.enterprise_id == Enterprise.id)
        .join(Holder, Holder.id == SubjectRelation.principal_id)
        .where(
            Enterprise.kind == "enterprise",
            SubjectRelation.role == "legal_representative",
            SubjectRelation.valid_from <= on,
            or_(SubjectRelation.valid_to.is_(None), SubjectRelation.valid_to >= on),
        )
        .order_by(Enterprise.id, Holder.id)
    )


def _fact(session: Session, code: str, subject_id: Any, on: date) -> ColumnElement[Any]:
    if measure := RECORD_FACTS.get(code):
        return _measured(measure, list(FACTS[code].choices), subject_id, on)
    of = Enterprise if FACTS[code].about == "enterprise" else Holder
    match code:
        case "consent.activated":
            return _activated(subject_id)
        case "score.total":
            return _score(subject_id, Score.total)
        case "enterprise.evaluation":
            return _score(subject_id, Score.grade)
        case "person.age":
            month_day = extract("month", of.born_on) * 100 + extract("day", of.born_on)
            later = case((month_day > on.month * 100 + on.day, 1), else_=0)
            return literal(on.year) - extract("year", of.born_on) - later
        case "person.red_listed" | "enterprise.red_listed":
            return red_listed_in_sql(session, of, on)
        case "enterprise.active":
            return of.status == "active"
        case "enterprise.registered_days":
            if session.get_bind().dialect.name == "sqlite":
                return cast(func.julianday(on.isoformat()) - func.julianday(of.registered_on), Integer)
            return type_coerce(cast(literal(on), Date) - of.registered_on, Integer)
    raise ValueError(f"no reading over the city is given for the fact {code!r}")


def _read(code: str, value: Any) -> Any:
    if code == "person.age" and value is not None:
        return int(value)
    if FACTS[code].kind == "flag" and value is not None:
        return bool(value)
    return value


def _activated(subject_id: Any) -> ColumnElement[bool]:
    return exists().where(Consent.subject_id == subject_id, Consent.kind == "activation", Consent.state == "given")


def _score(subject_id: Any, what: Any) -> ColumnElement[Any]:
    return (
        select(what)
        .join(PublishedRun, PublishedRun.run_id == Score.run_id)
        .where(Score.subject_id == subject_id)
        .order_by(Score.revision.desc())
        .limit(1)
        .correlate(Holder, Enterprise)
        .scalar_subquery()
    )


def _measured(measure: RecordMeasure, choices: list[str], subject_id: Any, on: date) -> ColumnElement[Any]:
    states = ("active",) if measure.adverse else ("active", "disputed")
    counted = [
        CreditRecord.subject_id == subject_id,
        CreditRecord.category == measure.category,
        CreditRecord.state.in_(states),
        CreditRecord.event_on <= on,
        not_declined(CreditRecord.subject_id, CreditRecord.category),
        still_listed(CreditRecord.category, on),
    ]
    if measure.levels is not None:
        counted.append(CreditRecord.level.in_(sorted(measure.levels)))
    if measure.window_days is not None:
        counted.append(CreditRecord.event_on > on - timedelta(days=measure.window_days))
    if measure.unsettled:
        counted.append(or_(CreditRecord.performed_on.is_(None), CreditRecord.performed_on > on))
        counted.append(or_(CreditRecord.ended_on.is_(None), CreditRecord.ended_on > on))
    what: dict[str, Any] = {
        "count": func.count(),
        "quantity": func.coalesce(func.sum(CreditRecord.quantity), 0),
        "latest_on": func.max(CreditRecord.event_on),
    }
    if measure.measure in what:
        query = select(what[measure.measure]).select_from(CreditRecord).where(*counted)
    else:
        codes = {number: literal(code) for number, code in enumerate(choices, start=1)}
        level = case(*((CreditRecord.level == number, code) for number, code in codes.items()), else_=None)
        newest = (CreditRecord.event_on.desc(), CreditRecord.id.desc())
        query = select(level).where(*counted).order_by(*newest).limit(1)
    return query.correlate(Holder, Enterprise).scalar_subquery()
