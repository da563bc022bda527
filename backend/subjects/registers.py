"""Keeping the three registers: whole deliveries of persons, enterprises, organisations and relations.

Rows come checked and normalised (`backend.identifiers`). Everything here may be repeated: a row that says what
the register already holds changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, TypeVar

from sqlalchemy import Insert, insert, select, update
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.database import Base, insert_into, note_change
from backend.identifiers import birth_date, check_organisation_code, organisation_code_within
from backend.identifiers.sealing import KeyRing
from backend.subjects.blind_lookup import wanted
from backend.subjects.models import (
    CodeScheme,
    RelationRole,
    Subject,
    SubjectChange,
    SubjectCode,
    SubjectKind,
    SubjectRelation,
    SubjectStatus,
)
from backend.subjects.rescoring import mark_for_rescoring
from backend.subjects.service import match_identifiers

_WRITTEN_AT_ONCE = 5_000
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """One subject as a register tells it.

    identifier  normalised: 18-digit citizen number for persons, else unified social credit code
    old_codes   normalised; a 15-digit citizen number in its upgraded form of 18. When an earlier present code
                (`uscc`, `citizen_18`) is that of a known subject of the same name, that one has a new code
    successor   present code of who took over a merged one
    """

    kind: SubjectKind
    identifier: str
    name: str
    district: str
    status: SubjectStatus = "active"
    born_on: date | None = None
    registered_on: date | None = None
    ended_on: date | None = None
    old_codes: Mapping[CodeScheme, str] = field(default_factory=dict)
    successor: str | None = None


@dataclass(frozen=True, slots=True)
class RelationRow:
    """`enterprise` and `principal` are identifiers in any form that a register knows."""

    enterprise: str
    principal: str
    role: RelationRole
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class RowRefusal:
    """`part` is the attribute of the row that is at fault; `message` is for the clerk who corrects it."""

    part: str
    code: str
    message: str


What = Literal["added", "changed", "unchanged", "refused"]


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """`subject_id` is None for refused rows; for relations it is the enterprise."""

    what: What
    subject_id: int | None = None
    refusal: RowRefusal | None = None


@dataclass(frozen=True, slots=True)
class RegisterOutcome:
    """`rows` stands in the order of the delivered rows."""

    rows: Sequence[RowOutcome]

    def count(self, what: What) -> int:
        return sum(row.what == what for row in self.rows)


_KIND_DIFFERS = RowRefusal(
    "identifier", "kind_differs", "这个代码已在另一类主体的登记册中，请核对代码或所报送的登记册"
)
_BIRTH_DIFFERS = RowRefusal("born_on", "birth_date_differs", "出生日期与公民身份号码中的出生日期不一致")
_CODE_TAKEN = RowRefusal("old_codes", "code_taken", "这个旧代码已属于另一个主体，请核对")
_SUCCESSOR_MISSING = RowRefusal("successor", "successor_missing", "状态为合并时，须填写承继单位的统一社会信用代码")
_SUCCESSOR_UNKNOWN = RowRefusal(
    "successor", "successor_unknown", "登记册中没有承继单位，请先报送承继单位的登记信息，再重新提交本行"
)
_SUCCESSOR_CIRCLE = RowRefusal("successor", "successor_circle", "承继单位又并入了本单位，请核对合并关系")
_ENTERPRISE_UNKNOWN = RowRefusal("enterprise", "enterprise_unknown", "登记册中没有这家企业，请先报送企业登记册")
_PRINCIPAL_UNKNOWN = RowRefusal("principal", "principal_unknown", "登记册中没有这个人员或机构，请先报送其登记信息")
_PERIOD_REVERSED = RowRefusal("valid_to", "period_reversed", "终止日期早于起始日期")


def register_subjects(
    session: Session, keys: KeyRing, rows: Sequence[RegisterRow], now: datetime
) -> RegisterOutcome:
    """Add new subjects, and change those of which the register now says something else.

    Of two rows about one subject the later holds. The earlier values are kept. A subject whose status changed
    is marked for a new score.
    """
    outcomes: dict[int, RowOutcome] = {}
    # Whoever takes over may stand further down in the same delivery: mergers come last.
    for mergers in (False, True):
        numbered = [(place, row) for place, row in enumerate(rows) if (row.status == "merged") == mergers]
        for chunk in _chunks(numbered, lambda item: item[1].identifier):
            taken = _register_chunk(session, keys, [row for _, row in chunk], now)
            outcomes.update(zip((place for place, _ in chunk), taken, strict=True))
    return RegisterOutcome([outcomes[place] for place in range(len(rows))])


def register_relations(
    session: Session, keys: KeyRing, rows: Sequence[RelationRow], now: datetime
) -> RegisterOutcome:
    """Add relations, and change their last day. The enterprises concerned are marked for a new score.

    An organisation has a legal representative too, who objects and repairs for it.
    """
    named = [row.enterprise for row in rows]
    enterprises = match_identifiers(session, keys, named, kind="enterprise")
    others = [code for code in named if code not in enterprises]
    enterprises |= match_identifiers(session, keys, others, kind="organisation")
    principals = match_identifiers(session, keys, [row.principal for row in rows])
    outcomes: list[RowOutcome] = []
    for chunk in _chunks(rows, lambda row: (row.enterprise, row.principal, row.role, row.valid_from)):
        outcomes.extend(_relate_chunk(session, chunk, enterprises, principals))
    concerned = [row.subject_id for row in outcomes if row.what in ("added", "changed") and row.subject_id]
    mark_for_rescoring(session, concerned, "relation_changed", now)
    return RegisterOutcome(outcomes)


def _register_chunk(
    session: Session, keys: KeyRing, rows: Sequence[RegisterRow], now: datetime
) -> list[RowOutcome]:
    """No two rows are about the same subject."""
    _renumber(session, keys, rows, now)
    successors = _successors(session, keys, rows)
    indexes = keys.blind_indexes(row.identifier.encode() for row in rows)
    codes = [_codes_by_index(keys, row) for row in rows]
    known = _known_subjects(session, keys, indexes)
    code_owners = _code_owners(session, [index for row_codes in codes for index in row_codes])

    outcomes: dict[bytes, RowOutcome] = {}
    added: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    before: list[dict[str, Any]] = []
    new_codes: list[tuple[bytes, dict[str, Any]]] = []
    for row, index, row_codes in zip(rows, indexes, codes, strict=True):
        subject = known.get(index)
        successor_id = successors.get(row.successor) if row.successor else None
        refusal = _refusal(row, index, subject, row_codes, code_owners) or _merger_refusal(
            session, row, subject, successor_id
        )
        if refusal is not None:
            outcomes[index] = RowOutcome("refused", refusal=refusal)
            continue
        # The first subject to name an old code has it, within one delivery too.
        unwritten = [code_index for code_index in row_codes if code_index not in code_owners]
        code_owners.update(dict.fromkeys([index, *unwritten], index))
        new_codes.extend((index, _code_values(row, row_codes[code_index], code_index)) for code_index in unwritten)
        if subject is None:
            added.append(_new_subject(keys, row, index, now) | {"successor_id": successor_id})
            continue
        differences = _differences(subject, row, successor_id)
        if differences:
            changed.append({"id": subject.id, **_stored(keys, row, differences, successor_id)})
            before.append(_change(keys, subject, differences, now))
        outcomes[index] = RowOutcome("changed" if differences or unwritten else "unchanged", subject.id)

    if added:
        # Another delivery may be adding the same subject at this very moment; the first one has it.
        session.execute(_insert_unless_there(session, Subject, "identifier_index"), added)
    if changed:
        session.execute(update(Subject), changed)
        session.execute(insert(SubjectChange), before)
        note_change(session, *(f"subject:{row['id']}" for row in changed))
    ids = _ids(session, indexes)
    if new_codes:
        session.execute(
            _insert_unless_there(session, SubjectCode, "code_index", "subject_id"),
            [{"subject_id": ids[index], **values} for index, values in new_codes],
        )
    mark_for_rescoring(session, [row["id"] for row in changed if "status" in row], "register_changed", now)
    return [outcomes.get(index) or RowOutcome("added", ids[index]) for index in indexes]


def _refusal(
    row: RegisterRow,
    index: bytes,
    subject: _Known | None,
    row_codes: Mapping[bytes, tuple[CodeScheme, str]],
    code_owners: Mapping[bytes, bytes],
) -> RowRefusal | None:
    if subject is not None and subject.kind != row.kind:
        return _KIND_DIFFERS
    if row.kind == "person" and row.born_on is not None and row.born_on != birth_date(row.identifier):
        return _BIRTH_DIFFERS
    for code_index, (scheme, _) in row_codes.items():
        # A code that is merely contained in the present one is left to whoever claimed it outright.
        if scheme in row.old_codes and code_owners.get(code_index, index) != index:
            return _CODE_TAKEN
    return None


def _merger_refusal(
    session: Session, row: RegisterRow, subject: _Known | None, successor_id: int | None
) -> RowRefusal | None:
    if row.status != "merged":
        return None
    if row.successor is None:
        return _SUCCESSOR_MISSING
    if successor_id is None:
        return _SUCCESSOR_UNKNOWN
    if subject is not None and subject.id in {successor_id, *_line_of_successors(session, successor_id)}:
        return _SUCCESSOR_CIRCLE
    return None


def _line_of_successors(session: Session, subject_id: int) -> Iterator[int]:
    found = session.get(Subject, subject_id, populate_existing=True)
    while found is not None and found.successor_id is not None:
        yield found.successor_id
        found = session.get(Subject, found.successor_id, populate_existing=True)


def _successors(session: Session, keys: KeyRing, rows: Sequence[RegisterRow]) -> Mapping[str, int]:
    wanted_codes = [row.successor for row in rows if row.status == "merged" and row.successor]
    return match_identifiers(session, keys, wanted_codes) if wanted_codes else {}


_FORMER_PRESENT_CODES: tuple[CodeScheme, ...] = ("uscc", "citizen_18")


def _renumber(session: Session, keys: KeyRing, rows: Sequence[RegisterRow], now: datetime) -> None:
    """Give known subjects the new code that their row tells (换码), before the rows are taken in under it."""
    renumbered = {
        keys.blind_index(old): (scheme, old, row)
        for row in rows
        for scheme in _FORMER_PRESENT_CODES
        if (old := row.old_codes.get(scheme)) is not None and old != row.identifier
    }
    if not renumbered:
        return
    taken = set(_ids(session, [keys.blind_index(row.identifier) for _, _, row in renumbered.values()]))
    reborn: list[int] = []
    for old_index, subject_id in _ids(session, list(renumbered)).items():
        scheme, old, row = renumbered[old_index]
        new_index = keys.blind_index(row.identifier)
        subject = session.get_one(Subject, subject_id, populate_existing=True)
        name = subject.public_name if subject.name_sealed is None else keys.open(subject.name_sealed)
        # Another name may be another subject: such a claim is refused, not believed.
        if new_index in taken or (subject.kind, name) != (row.kind, row.name):
            continue
        is_person = row.kind == "person"
        before = {"identifier": old}
        subject.identifier_index, subject.identifier_sealed = new_index, keys.seal(row.identifier)
        subject.public_code = None if is_person else row.identifier
        born_on = birth_date(row.identifier) if is_person else None
        if subject.born_on != born_on:
            reborn.append(subject_id)
        subject.born_on = born_on
        session.add(
            SubjectCode(
                subject_id=subject_id,
                scheme=scheme,
                code_index=old_index,
                code=None if is_person else old,
                valid_to=city_date(now),
            )
        )
        session.add(
            SubjectChange(subject_id=subject_id, changed_at=now, before_sealed=keys.seal(json.dumps(before)))
        )
        note_change(session, f"subject:{subject_id}")
    session.flush()
    # Whether someone is of age may be another matter by the birth date that the new number tells.
    mark_for_rescoring(session, reborn, "register_changed", now)


def _codes_by_index(keys: KeyRing, row: RegisterRow) -> dict[bytes, tuple[CodeScheme, str]]:
    """The other codes of a row by their blind index, with the organisation code that its credit code contains."""
    codes = dict(row.old_codes)
    if row.kind != "person" and "organisation_code" not in codes:
        within = organisation_code_within(row.identifier)
        if check_organisation_code(within).valid:
            codes["organisation_code"] = within
    return {keys.blind_index(code): (scheme, code) for scheme, code in codes.items() if code != row.identifier}


def _code_values(row: RegisterRow, code: tuple[CodeScheme, str], code_index: bytes) -> dict[str, Any]:
    scheme, text = code
    return {
        "scheme": scheme,
        "code_index": code_index,
        "code": None if row.kind == "person" else text,
        "valid_from": None,
        "valid_to": None,
    }


@dataclass(frozen=True, slots=True)
class _Known:
    """What a register holds now; `name` in the open."""

    id: int
    kind: str
    name: str
    district: str
    status: str
    registered_on: date | None
    ended_on: date | None
    successor_id: int | None


def _known_subjects(session: Session, keys: KeyRing, indexes: Sequence[bytes]) -> dict[bytes, _Known]:
    places, index_there = wanted(indexes)
    found = session.execute(
        select(
            places.c.place,
            Subject.id,
            Subject.kind,
            Subject.name_sealed,
            Subject.public_name,
            Subject.district,
            Subject.status,
            Subject.registered_on,
            Subject.ended_on,
            Subject.successor_id,
        ).join(Subject, Subject.identifier_index == index_there)
    )
    return {
        indexes[place]: _Known(subject_id, kind, public_name if sealed is None else keys.open(sealed), *attributes)
        for place, subject_id, kind, sealed, public_name, *attributes in found
    }


def _ids(session: Session, indexes: Sequence[bytes]) -> dict[bytes, int]:
    places, index_there = wanted(indexes)
    found = session.execute(
        select(places.c.place, Subject.id).join(Subject, Subject.identifier_index == index_there)
    )
    return {indexes[place]: subject_id for place, subject_id in found}


def _code_owners(session: Session, code_indexes: Sequence[bytes]) -> dict[bytes, bytes]:
    """By blind index of a code, the blind index of the present identifier of the subject that has the code."""
    places, index_there = wanted(code_indexes)
    as_former = (
        select(places.c.place, Subject.identifier_index)
        .join(SubjectCode, SubjectCode.code_index == index_there)
        .join(Subject, Subject.id == SubjectCode.subject_id)
    )
    as_present = select(places.c.place, Subject.identifier_index).join(
        Subject, Subject.identifier_index == index_there
    )
    return {
        code_indexes[place]: owner for query in (as_former, as_present) for place, owner in session.execute(query)
    }


def _new_subject(keys: KeyRing, row: RegisterRow, index: bytes, now: datetime) -> dict[str, Any]:
    is_person = row.kind == "person"
    return {
        "kind": row.kind,
        "identifier_index": index,
        "identifier_sealed": keys.seal(row.identifier),
        "name_sealed": keys.seal(row.name) if is_person else None,
        "public_code": None if is_person else row.identifier,
        "public_name": None if is_person else row.name,
        "born_on": birth_date(row.identifier) if is_person else None,
        "district": row.district,
        "status": row.status,
        "registered_on": row.registered_on,
        "ended_on": row.ended_on,
        "created_at": now,
    }


_COMPARED = ("name", "district", "status", "registered_on", "ended_on")


def _differences(subject: _Known, row: RegisterRow, successor_id: int | None) -> frozenset[str]:
    """Which attributes of the row the register does not hold yet."""
    differences = {name for name in _COMPARED if getattr(subject, name) != getattr(row, name)}
    return frozenset(differences | ({"successor_id"} if subject.successor_id != successor_id else set()))


def _stored(
    keys: KeyRing, row: RegisterRow, attributes: frozenset[str], successor_id: int | None
) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in attributes - {"name", "successor_id"}}
    if "name" in attributes:
        values |= {"name_sealed": keys.seal(row.name)} if row.kind == "person" else {"public_name": row.name}
    if "successor_id" in attributes:
        values["successor_id"] = successor_id
    return values


def _change(keys: KeyRing, subject: _Known, attributes: frozenset[str], now: datetime) -> dict[str, Any]:
    before = {name: getattr(subject, name) for name in sorted(attributes)}
    sealed = keys.seal(json.dumps(before, ensure_ascii=False, default=date.isoformat))
    return {"subject_id": subject.id, "changed_at": now, "before_sealed": sealed}


def _relate_chunk(
    session: Session,
    rows: Sequence[RelationRow],
    enterprises: Mapping[str, int],
    principals: Mapping[str, int],
) -> list[RowOutcome]:
    """No two rows are about the same relation."""
    concerned = {enterprises[row.enterprise] for row in rows if row.enterprise in enterprises}
    known = {
        (relation.enterprise_id, relation.principal_id, relation.role, relation.valid_from): relation
        for relation in session.scalars(
            select(SubjectRelation)
            .where(SubjectRelation.enterprise_id.in_(concerned))
            .execution_options(populate_existing=True)
        )
    }
    outcomes: list[RowOutcome] = []
    added: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for row in rows:
        enterprise_id, principal_id = enterprises.get(row.enterprise), principals.get(row.principal)
        if enterprise_id is None:
            outcomes.append(RowOutcome("refused", refusal=_ENTERPRISE_UNKNOWN))
        elif principal_id is None:
            outcomes.append(RowOutcome("refused", refusal=_PRINCIPAL_UNKNOWN))
        elif row.valid_to is not None and row.valid_to < row.valid_from:
            outcomes.append(RowOutcome("refused", refusal=_PERIOD_REVERSED))
        elif (relation := known.get((enterprise_id, principal_id, row.role, row.valid_from))) is None:
            added.append(
                {
                    "enterprise_id": enterprise_id,
                    "principal_id": principal_id,
                    "role": row.role,
                    "valid_from": row.valid_from,
                    "valid_to": row.valid_to,
                }
            )
            outcomes.append(RowOutcome("added", enterprise_id))
        elif relation.valid_to != row.valid_to:
            changed.append({"id": relation.id, "valid_to": row.valid_to})
            outcomes.append(RowOutcome("changed", enterprise_id))
        else:
            outcomes.append(RowOutcome("unchanged", enterprise_id))
    if added:
        session.execute(
            _insert_unless_there(session, SubjectRelation, "enterprise_id", "principal_id", "role", "valid_from"),
            added,
        )
    if changed:
        session.execute(update(SubjectRelation), changed)
    return outcomes


def _insert_unless_there(session: Session, model: type[Base], *unique: str) -> Insert:
    table = Base.metadata.tables[model.__tablename__]
    return insert_into(session, table).on_conflict_do_nothing(index_elements=unique)


def _chunks(rows: Sequence[_Row], key: Callable[[_Row], Hashable]) -> Iterator[list[_Row]]:
    """In order, each small enough to write at once and without two rows of the same key."""
    chunk: list[_Row] = []
    seen: set[Hashable] = set()
    for row in rows:
        row_key = key(row)
        if row_key in seen or len(chunk) == _WRITTEN_AT_ONCE:
            yield chunk
            chunk, seen = [], set()
        chunk.append(row)
        seen.add(row_key)
    if chunk:
        yield chunk
