"""Commitments as people read them: those signed here and those that departments delivered, in one list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.commitments.models import Commitment
from backend.commitments.service import CATEGORY, signed_commitments_of
from backend.commitments.states import STATE_NAMES, CommitmentState
from backend.commitments.types import commitment_type, commitment_types
from backend.records.models import CreditRecord
from backend.records.service import records_of

_STATE_OF_LEVEL: dict[int, CommitmentState] = {1: "fulfilled", 2: "partly_fulfilled", 3: "broken"}


@dataclass(frozen=True)
class ListedCommitment:
    """`commitment_id` is null for one that a department delivered; `record_id` while there is no record of its
    outcome. `record_state` tells whether that record still counts (a repaired or revoked one does not)."""

    commitment_id: UUID | None
    record_id: int | None
    type_name: str
    matter: str
    accepted_by: str
    signed_on: date
    due_on: date | None
    state: CommitmentState
    record_state: str | None

    @property
    def state_name(self) -> str:
        return STATE_NAMES[self.state]


def all_commitments_of(session: Session, subject_id: int) -> Sequence[ListedCommitment]:
    """Newest first. A signed one with a record of its outcome is there once."""
    records = {record.id: record for record in records_of(session, subject_id, category=CATEGORY)}
    signed = signed_commitments_of(session, subject_id)
    listed = [listed_signed(commitment, records.get(commitment.record_id or 0)) for commitment in signed]
    known = {commitment.record_id for commitment in signed}
    listed += [listed_collected(record) for record in records.values() if record.id not in known]
    return sorted(listed, key=lambda one: (one.signed_on, one.record_id or 0), reverse=True)


def listed_signed(commitment: Commitment, record: CreditRecord | None) -> ListedCommitment:
    state: CommitmentState = commitment.state  # type: ignore[assignment]
    return ListedCommitment(
        commitment_id=commitment.id,
        record_id=commitment.record_id,
        type_name=commitment_type(commitment.type).name,
        matter=commitment.matter,
        accepted_by=commitment.accepted_by,
        signed_on=city_date(commitment.signed_at),
        due_on=commitment.due_on,
        # What was corrected after an objection stands in the record.
        state=_STATE_OF_LEVEL.get(record.level, state) if record else state,
        record_state=record.state if record else None,
    )


def listed_collected(record: CreditRecord) -> ListedCommitment:
    collected_as = str(record.content.get("承诺类型") or "")
    names = {kind.collected_as: kind.name for kind in commitment_types().values()}
    return ListedCommitment(
        commitment_id=None,
        record_id=record.id,
        type_name=names.get(collected_as, f"{collected_as}承诺" if collected_as else "信用承诺"),
        matter=str(record.content.get("承诺事由") or record.title),
        accepted_by=str(record.content.get("承诺受理单位") or record.source_department),
        signed_on=record.event_on,
        due_on=record.ended_on,
        state=_STATE_OF_LEVEL.get(record.level, "signed"),
        record_state=record.state,
    )
