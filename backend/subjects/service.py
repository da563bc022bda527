"""Finding subjects by any of their codes, showing them masked, and who stands behind whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from backend.identifiers import check_citizen_number, mask
from backend.identifiers.cleaning import clean
from backend.identifiers.sealing import KeyRing
from backend.subjects.blind_lookup import wanted
from backend.subjects.errors import Departed, EnterpriseNotFound, SubjectNotFound, TooYoung
from backend.subjects.models import Subject, SubjectCode, SubjectKind, SubjectRelation

AGE_OF_MAJORITY = 18
"""《中华人民共和国民法典》第十七条."""
AGE_OF_ONES_OWN_CONSENT = 14
"""《中华人民共和国个人信息保护法》第三十一条: younger children are left out altogether."""
_LOOKED_UP_AT_ONCE = 10_000
_SHORTEST_CODE_IN_DIGITS = 9


def get_subject(session: Session, subject_id: int) -> Subject:
    """Raises SubjectNotFound."""
    subject = session.get(Subject, subject_id)
    if subject is None:
        raise SubjectNotFound
    return subject


def find_by_identifier(
    session: Session, *, keys: KeyRing, identifier: str, kind: SubjectKind | None = None
) -> Subject:
    """By any code the subject has or had, as people write it. Raises SubjectNotFound."""
    found = match_identifiers(session, keys, [identifier], kind=kind)
    if identifier not in found:
        raise SubjectNotFound
    return get_subject(session, found[identifier])


def find_subject(session: Session, *, keys: KeyRing, text: str) -> Subject:
    """By its number in the register, or by any code as `find_by_identifier`. Raises SubjectNotFound."""
    if text.isdecimal() and len(text) < _SHORTEST_CODE_IN_DIGITS:
        return get_subject(session, int(text))
    return find_by_identifier(session, keys=keys, identifier=text)


def match_identifiers(
    session: Session, keys: KeyRing, identifiers: Sequence[str], *, kind: SubjectKind | None = None
) -> dict[str, int]:
    """Subject ids by identifier as given; an identifier that no subject has is absent.

    Made for whole deliveries: a lookup per few thousand identifiers, none per identifier. An identifier is
    also absent when it fits several subjects (15 digits can be an old citizen number and an old registration
    number): nothing is ever put on the wrong subject's record. `kind` settles such a case.
    """
    written = {text: _written_forms(text) for text in dict.fromkeys(identifiers)}
    forms = list(dict.fromkeys(form for each in written.values() for form in each))
    indexes = keys.blind_indexes(form.encode() for form in forms)
    owners = _owners(session, indexes, kind)
    owners_of = {form: owners[index] for form, index in zip(forms, indexes, strict=True) if index in owners}
    matched: dict[str, int] = {}
    for text, each in written.items():
        found = {owner for form in each for owner in owners_of.get(form, ())}
        if len(found) == 1:
            matched[text] = found.pop()
    return matched


def get_public_subject(session: Session, code: str) -> Subject:
    """An enterprise or organisation by its present code, or by a former one that was its alone.

    Raises EnterpriseNotFound.
    """
    cleaned = clean(code)
    subject = session.scalars(select(Subject).where(Subject.public_code == cleaned)).first()
    if subject is not None:
        return subject
    former = session.scalars(
        select(Subject)
        .join(SubjectCode, SubjectCode.subject_id == Subject.id)
        .where(SubjectCode.code == cleaned, Subject.public_code.is_not(None))
        .distinct()
        .limit(2)
    ).all()
    if len(former) != 1:
        raise EnterpriseNotFound
    return former[0]


def successors_of(session: Session, subject: Subject) -> Sequence[Subject]:
    """Who took over a merged subject, then who took over that one, and so on; empty for one not merged."""
    line: list[Subject] = []
    while subject.successor_id is not None:
        subject = session.get_one(Subject, subject.successor_id)
        line.append(subject)
    return line


def search_public_subjects(
    session: Session, text: str, *, after_id: int = 0, limit: int = 20
) -> Sequence[Subject]:
    """Enterprises and organisations by a part of the name or by any code they have or had, oldest row first."""
    return session.scalars(
        select(Subject)
        .where(
            Subject.public_code.is_not(None),
            or_(
                Subject.public_name.contains(text.strip(), autoescape=True),
                Subject.public_code == clean(text),
                Subject.id.in_(select(SubjectCode.subject_id).where(SubjectCode.code == clean(text))),
            ),
            Subject.id > after_id,
        )
        .order_by(Subject.id)
        .limit(limit)
    ).all()


def name_of(keys: KeyRing, subject: Subject) -> str:
    """In full: for the subject itself only."""
    if subject.name_sealed is not None:
        return keys.open(subject.name_sealed)
    return subject.public_name or ""


def masked_name(keys: KeyRing, subject: Subject) -> str:
    """Names of enterprises and organisations are public and stay whole."""
    name = name_of(keys, subject)
    return mask_person_name(name) if subject.kind == "person" else name


def mask_person_name(name: str) -> str:
    """王小兰 → 王*兰, 王兰 → 王*."""
    if len(name) <= 2:
        return name[:1] + "*"
    return name[0] + "*" * (len(name) - 2) + name[-1]


def masked_identifier(keys: KeyRing, subject: Subject) -> str:
    if subject.public_code is not None:
        return subject.public_code
    return mask("citizen_number", keys.open(subject.identifier_sealed))


def age_on(subject: Subject, on: date) -> int | None:
    """Completed years; a birthday counts from its first hour, one on 29 February from 1 March in common years.

    None for subjects that are not persons, and for persons whose birth date no register has told.
    """
    born = subject.born_on
    if born is None:
        return None
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def is_adult(subject: Subject, on: date) -> bool:
    """An unknown age is not taken for an adult's."""
    age = age_on(subject, on)
    return age is not None and age >= AGE_OF_MAJORITY


def check_may_use(subject: Subject, on: date) -> None:
    """Whether a person may use the citizen's services at all on the day. Raises Departed or TooYoung.

    An unknown age is not held against anyone here: only a score needs a proven one.
    """
    if subject.status != "active":
        raise Departed
    if is_left_out_as_a_child(subject, on):
        raise TooYoung


def is_left_out_as_a_child(subject: Subject, on: date) -> bool:
    """Below fourteen: nothing is collected, checked or printed about them."""
    age = age_on(subject, on)
    return age is not None and age < AGE_OF_ONES_OWN_CONSENT


def adult_born_until(on: date) -> date:
    """The latest birth date with which someone is an adult on the day: `is_adult` for a query over many."""
    try:
        return on.replace(year=on.year - AGE_OF_MAJORITY)
    except ValueError:  # 29 February, and that year had none: born on the 28th is old enough, on 1 March is not
        return date(on.year - AGE_OF_MAJORITY, 3, 1) - timedelta(days=1)


def principals_of(session: Session, enterprise_id: int, on: date) -> Sequence[SubjectRelation]:
    """Relations of an enterprise that hold on the day."""
    return session.scalars(
        select(SubjectRelation)
        .where(SubjectRelation.enterprise_id == enterprise_id, *_holding(on))
        .order_by(SubjectRelation.id)
    ).all()


def enterprises_represented_by(session: Session, person_id: int, on: date) -> Sequence[Subject]:
    """Enterprises whose legal representative (法定代表人) the person is on the day: those that have an evaluation,
    a report and benefits of their own."""
    return [one for one in represented_by(session, person_id, on) if one.kind == "enterprise"]


def represented_by(session: Session, person_id: int, on: date) -> Sequence[Subject]:
    """Enterprises and organisations whose legal representative the person is on the day: for these they read,
    object, repair and supply."""
    return session.scalars(
        select(Subject)
        .join(SubjectRelation, SubjectRelation.enterprise_id == Subject.id)
        .where(
            SubjectRelation.principal_id == person_id,
            SubjectRelation.role == "legal_representative",
            *_holding(on),
        )
        .order_by(Subject.id)
    ).all()


def represents(session: Session, *, person_id: int, enterprise_id: int, on: date) -> bool:
    """Whether the person, alive, is the enterprise's legal representative on the day."""
    found = session.scalar(
        select(SubjectRelation.id)
        .join(Subject, Subject.id == SubjectRelation.principal_id)
        .where(
            SubjectRelation.enterprise_id == enterprise_id,
            SubjectRelation.principal_id == person_id,
            SubjectRelation.role == "legal_representative",
            Subject.status == "active",
            *_holding(on),
        )
        .limit(1)
    )
    return found is not None


def codes_of(session: Session, subject_id: int) -> Sequence[SubjectCode]:
    """The other codes of a subject, old ones included."""
    return session.scalars(
        select(SubjectCode).where(SubjectCode.subject_id == subject_id).order_by(SubjectCode.id)
    ).all()


def _holding(on: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        SubjectRelation.valid_from <= on,
        or_(SubjectRelation.valid_to.is_(None), SubjectRelation.valid_to >= on),
    )


def _written_forms(text: str) -> tuple[str, ...]:
    """The normalised codes that the text may stand for: one, or two when it has 15 digits."""
    cleaned = clean(text)
    if len(cleaned) == 15 and (upgraded := check_citizen_number(cleaned).normalised) is not None:
        return (cleaned, upgraded)
    return (cleaned,)


def _owners(
    session: Session, indexes: Sequence[bytes], kind: SubjectKind | None
) -> Mapping[bytes, frozenset[int]]:
    """Subject ids by blind index. A present code goes before a code that is only known from the past."""
    owners: dict[bytes, frozenset[int]] = {}
    for chunk in _chunks(indexes):
        places, index_there = wanted(chunk)
        present = select(places.c.place, Subject.id).join(Subject, Subject.identifier_index == index_there)
        for place, subject_id in session.connection().execute(_of_kind(present, kind)):
            owners[chunk[place]] = frozenset({subject_id})
    for chunk in _chunks([index for index in indexes if index not in owners]):
        places, index_there = wanted(chunk)
        former = (
            select(places.c.place, Subject.id)
            .join(SubjectCode, SubjectCode.code_index == index_there)
            .join(Subject, Subject.id == SubjectCode.subject_id)
        )
        for place, subject_id in session.connection().execute(_of_kind(former, kind)):
            owners[chunk[place]] = owners.get(chunk[place], frozenset()) | {subject_id}
    return owners


def _of_kind(query: Select[Any], kind: SubjectKind | None) -> Select[Any]:
    return query if kind is None else query.where(Subject.kind == kind)


def _chunks(items: Sequence[bytes]) -> Iterator[list[bytes]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, _LOOKED_UP_AT_ONCE)):
        yield chunk
