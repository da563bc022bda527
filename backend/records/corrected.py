"""What a department's own correction shows to have been wrong, and which corrections are still to be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.records.models import CorrectionMark, CreditRecord, RecordVersion
from backend.records.service import facts_at, versions_of
from backend.records.storing import wrong_facts


@dataclass(frozen=True)
class DepartmentCorrection:
    """`record` as it is now; `wrong` what it had said, by name, None when there should have been no such record;
    `since` and `until` bound the time in which the record said so."""

    record: CreditRecord
    version: int
    wrong: Mapping[str, Any] | None
    since: datetime
    until: datetime


def wrong_since(
    session: Session, record: CreditRecord, wrong: Mapping[str, Any] | None, *, before_version: int | None = None
) -> datetime:
    """From when the record has said what is wrong: its delivery, or a later version that brought it.

    `wrong` as `wrong_facts` gives it; `before_version` is the version that put it right, None while it stands.
    """
    since = record.created_at
    if wrong is None:
        return since
    for version in reversed(versions_of(session, record.id)):
        if before_version is not None and version.version >= before_version:
            continue
        facts = facts_at(session, version)
        if any(facts.get(name) != value for name, value in wrong.items()):
            break
        since = version.changed_at
    return since


def take_corrections(session: Session, *, now: datetime, limit: int) -> Sequence[DepartmentCorrection]:
    """The oldest that nobody has been told of yet; from now on they count as told. Those of records that have been
    deleted since are passed over, as nothing is left to say about them."""
    marks = session.scalars(
        select(CorrectionMark)
        .where(CorrectionMark.done_at.is_(None))
        .order_by(CorrectionMark.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    found = []
    for mark in marks:
        mark.done_at = now
        if correction := _of(session, mark):
            found.append(correction)
    session.flush()
    return found


def _of(session: Session, mark: CorrectionMark) -> DepartmentCorrection | None:
    record = session.get(CreditRecord, mark.record_id)
    versions = {
        version.version: version
        for version in session.scalars(
            select(RecordVersion).where(
                RecordVersion.record_id == mark.record_id,
                RecordVersion.version.in_((mark.version - 1, mark.version)),
            )
        )
    }
    if record is None or len(versions) < 2:
        return None
    righted = versions[mark.version]
    wrong = wrong_facts(facts_at(session, versions[mark.version - 1]), facts_at(session, righted))
    since = wrong_since(session, record, wrong, before_version=mark.version)
    return DepartmentCorrection(record, mark.version, wrong, since, righted.changed_at)
