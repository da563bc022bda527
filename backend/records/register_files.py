"""Register files (登记册) through the same entrance as records: what a row says about a subject or a relation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, cast

import polars as pl
from sqlalchemy.orm import Session

from backend.catalogue.templates import RegisterRule, Template
from backend.identifiers.sealing import KeyRing
from backend.records.storing import Stored
from backend.records.validation import JudgedNumbers, Reason, validate_rows
from backend.subjects.models import CodeScheme, RelationRole, SubjectStatus
from backend.subjects.registers import (
    RegisterRow,
    RelationRow,
    RowRefusal,
    register_relations,
    register_subjects,
)


def judge_register_rows(
    delivered: pl.DataFrame, template: Template, numbers: JudgedNumbers, *, today: date
) -> tuple[pl.DataFrame, dict[int, list[Reason]]]:
    """The sound rows with their index in `row`, and what is wrong with the others."""
    validated = validate_rows(delivered, template, None, numbers, today=today)
    frame = validated.frame.with_row_index("row").filter(~pl.col("row").is_in(list(validated.reasons)))
    return frame, validated.reasons


def store_register_rows(
    session: Session, keys: KeyRing, rows: pl.DataFrame, template: Template, now: datetime
) -> Stored:
    """Added subjects count as accepted, changed ones as corrected, unchanged ones as duplicates."""
    register = template.register
    if register is None:
        raise ValueError(f"template {template.code} is no register's")
    stored = Stored(0, 0, 0, set(), {})
    if rows.is_empty():
        return stored
    lines = list(rows.iter_rows(named=True))
    if register.kind == "relation":
        outcome = register_relations(session, keys, [_relation(register, line) for line in lines], now)
    else:
        outcome = register_subjects(session, keys, [_subject(register, line) for line in lines], now)
    for line, verdict in zip(lines, outcome.rows, strict=True):
        match verdict.what:
            case "added":
                stored.accepted += 1
            case "changed":
                stored.corrected += 1
            case "unchanged":
                stored.duplicate += 1
            case "refused":
                refusal = verdict.refusal
                stored.conflicts[line["row"]] = [_reason(template, register, refusal)] if refusal else []
    return stored


def _subject(register: RegisterRule, line: Mapping[str, Any]) -> RegisterRow:
    old_codes = {
        cast(CodeScheme, scheme): line[code]
        for scheme, code in register.old_codes.items()
        if line[code] is not None
    }
    return RegisterRow(
        kind=cast(Any, register.kind),
        identifier=line[register.identifier],
        name=line[register.name],
        district=(line[register.district] if register.district else None) or "",
        status=cast(SubjectStatus, register.status.values[line[register.status.column]]),
        born_on=line[f":{register.born_on}"] if register.born_on else None,
        registered_on=line[f":{register.registered_on}"],
        ended_on=line[f":{register.ended_on}"] if register.ended_on else None,
        old_codes=old_codes,
        successor=line[register.successor] if register.successor else None,
    )


def _relation(register: RegisterRule, line: Mapping[str, Any]) -> RelationRow:
    return RelationRow(
        enterprise=line[register.enterprise or ""],
        principal=line[register.identifier],
        role=cast(RelationRole, register.status.values[line[register.status.column]]),
        valid_from=line[f":{register.registered_on}"],
        valid_to=line[f":{register.ended_on}"] if register.ended_on else None,
    )


def _reason(template: Template, register: RegisterRule, refusal: RowRefusal) -> Reason:
    codes = {
        "identifier": register.identifier,
        "principal": register.identifier,
        "enterprise": register.enterprise,
        "born_on": register.born_on,
        "valid_to": register.ended_on,
        "successor": register.successor,
        "old_codes": next(iter(register.old_codes.values()), None),
    }
    code = codes.get(refusal.part)
    header = template.column(code).header if code else ""
    return {"column": header, "code": refusal.code, "message": refusal.message}
