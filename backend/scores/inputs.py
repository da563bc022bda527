"""From stored records to the integer columns that the kernel reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
from sqlalchemy import Select, case, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from backend.catalogue.service import still_listed
from backend.choices.service import not_declined
from backend.records.models import CreditRecord
from backend.subjects.models import Subject, SubjectRelation
from scoring.columns import NO_DAY, RecordColumns
from scoring.compiled import CompiledPolicy

_EPOCH = date(1970, 1, 1).toordinal()
STATE_CODES = {"active": 0, "disputed": 1, "repaired": 2, "revoked": 3, "expired": 4}
# Which roles of a principal reach through to the enterprise (穿透), as the kernel numbers them. A branch is no
# principal: its records stay its own.
RELATION_CODES = {"legal_representative": 1, "shareholder": 2, "supervisor": 4}

SNAPSHOT_SCHEMA = pa.schema(
    [
        ("subject", pa.int64()),
        ("record", pa.int64()),
        ("category", pa.string()),
        ("event_day", pa.int32()),
        ("end_day", pa.int32()),
        ("performed_day", pa.int32()),
        ("quantity", pa.int64()),
        ("amount", pa.int64()),
        ("level", pa.int16()),
        ("event", pa.int64()),
        ("state", pa.int8()),
        ("relation", pa.int8()),
    ]
)


def day_number(day: date | None) -> int:
    """Days since 1970-01-01; NO_DAY for none."""
    return NO_DAY if day is None else day.toordinal() - _EPOCH


def day_of(number: int) -> date:
    return date.fromordinal(number + _EPOCH)


def columns_of_subject(
    session: Session, subject_id: int, *, subject_kind: str, compiled: CompiledPolicy, as_of: date
) -> RecordColumns:
    """The records of one subject, and for an enterprise those of its principals on the day."""
    rows = records_of_subject_rows(session, subject_id, subject_kind=subject_kind, as_of=as_of)
    return to_columns(to_table(rows), compiled)


def records_of_subject_rows(
    session: Session, subject_id: int, *, subject_kind: str, as_of: date
) -> Sequence[tuple[object, ...]]:
    """The same records as the database holds them, in the order of SNAPSHOT_SCHEMA."""
    return session.execute(_records_query(subject_kind, as_of, [subject_id])).all()


def snapshot_rows(session: Session, *, subject_kind: str, as_of: date, chunk: int) -> Iterator[pa.Table]:
    """All records of a kind of subject in order of subject, in tables of about `chunk` rows."""
    query = _records_query(subject_kind, as_of, None).execution_options(yield_per=chunk)
    for rows in session.execute(query).partitions(chunk):
        yield to_table(rows)


def to_table(rows: Sequence[tuple[object, ...]]) -> pa.Table:
    """Rows as selected below, as Arrow columns of SNAPSHOT_SCHEMA."""
    if not rows:
        return SNAPSHOT_SCHEMA.empty_table()
    subject, record, category, event, ended, performed, quantity, amount, level, key, state, relation = zip(
        *rows, strict=True
    )
    columns: list[Sequence[object]] = [
        subject,
        record,
        category,
        _days(event),
        _days(ended),
        _days(performed),
        quantity,
        amount,
        level,
        key,
        [STATE_CODES[str(code)] for code in state],
        relation,
    ]
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, SNAPSHOT_SCHEMA, strict=True)],
        schema=SNAPSHOT_SCHEMA,
    )


def to_columns(table: pa.Table, compiled: CompiledPolicy) -> RecordColumns:
    """Translate category codes to the policy's own numbers; a category it does not use becomes -1."""
    codes = table["category"].combine_chunks().dictionary_encode()
    if isinstance(codes, pa.ChunkedArray):
        codes = codes.combine_chunks()
    translation = np.array(
        [compiled.category_index.get(code, -1) for code in codes.dictionary.to_pylist()], dtype=np.int32
    )
    category = translation[codes.indices.to_numpy(zero_copy_only=False)] if len(codes) else np.empty(0, np.int32)
    return RecordColumns(
        category=category,
        **{name: table[name].to_numpy() for name in SNAPSHOT_SCHEMA.names if name != "category"},
    )


def _days(values: Sequence[object]) -> list[int]:
    return [NO_DAY if day is None else day.toordinal() - _EPOCH for day in values]  # type: ignore[attr-defined]


def _records_query(
    subject_kind: str, as_of: date, subject_ids: Sequence[int] | None
) -> Select[tuple[object, ...]]:
    facts = (
        CreditRecord.id.label("record"),
        CreditRecord.category,
        CreditRecord.event_on,
        CreditRecord.ended_on,
        CreditRecord.performed_on,
        CreditRecord.quantity,
        CreditRecord.amount,
        CreditRecord.level,
        CreditRecord.event_key,
        CreditRecord.state,
    )
    counting = (
        not_declined(CreditRecord.subject_id, CreditRecord.category),
        still_listed(CreditRecord.category, as_of),
    )
    own = (
        select(CreditRecord.subject_id.label("subject"), *facts, literal(0).label("relation"))
        .join(Subject, Subject.id == CreditRecord.subject_id)
        .where(Subject.kind == subject_kind, *counting)
    )
    if subject_ids is not None:
        own = own.where(CreditRecord.subject_id.in_(subject_ids))
    if subject_kind == "enterprise":
        principals = (
            select(
                SubjectRelation.enterprise_id.label("subject"),
                SubjectRelation.principal_id.label("principal"),
                # Someone who is both legal representative and shareholder reaches through once.
                func.min(case(RELATION_CODES, value=SubjectRelation.role)).label("relation"),
            )
            .join(Subject, Subject.id == SubjectRelation.enterprise_id)
            .where(
                Subject.kind == "enterprise",
                SubjectRelation.role.in_(RELATION_CODES),
                SubjectRelation.valid_from <= as_of,
                or_(SubjectRelation.valid_to.is_(None), SubjectRelation.valid_to >= as_of),
            )
            .group_by(SubjectRelation.enterprise_id, SubjectRelation.principal_id)
        )
        if subject_ids is not None:
            principals = principals.where(SubjectRelation.enterprise_id.in_(subject_ids))
        reach = principals.subquery()
        of_principals = (
            select(reach.c.subject, *facts, reach.c.relation)
            .join(reach, reach.c.principal == CreditRecord.subject_id)
            .where(*counting)
        )
        rows = union_all(own, of_principals).subquery()
    else:
        rows = own.subquery()
    ordered: Select[tuple[object, ...]] = select(*rows.columns).order_by(rows.c.subject, rows.c.record)
    return ordered
