"""What the officers' pages of repairs, supplements and commitments share: clocks, evidence, the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from backend.city_calendar import CalendarYearUnknown, city_date
from backend.evidence.service import evidence_of, get_evidence
from backend.ledger.service import record_access
from backend.objections.deadlines import working_days_left
from backend.subjects.service import get_subject, masked_identifier, masked_name
from backend.web.attachments import attachment
from backend.web.context import now, services
from backend.web.guards import officer_as_actor
from backend.web.moments import Moment


class CaseEvidence(Schema):
    id = fields.UUID(required=True)
    filename = fields.String(required=True)
    media_type = fields.String(required=True)
    size = fields.Integer(required=True)
    pages = fields.Integer(required=True)


class CaseStep(Schema):
    at = Moment(required=True)
    event = fields.String(required=True)
    event_name = fields.String(required=True)
    actor = fields.String(required=True)
    text = fields.String(required=True, allow_none=True)


def masked_subject(session: Session, subject_id: int) -> dict[str, object]:
    subject = get_subject(session, subject_id)
    return {
        "name": masked_name(services().keys, subject),
        "identifier": masked_identifier(services().keys, subject),
    }


def days_left(due_on: date | None) -> int | None:
    """0 on the last day, negative once late; null without a clock, or with a year's holidays unannounced."""
    if due_on is None:
        return None
    try:
        return working_days_left(services().working_days, today=city_date(now()), due_on=due_on)
    except CalendarYearUnknown:
        return None


def note_access(session: Session, *, subject_id: int, case: str, action: str, basis: str, purpose: str) -> None:
    record_access(
        session,
        subject_id=subject_id,
        actor=officer_as_actor(),
        action=action,
        basis=basis,
        purpose=purpose,
        detail={"case": case},
        channel="console",
        now=now(),
    )


def evidence_in(session: Session, case: str) -> Sequence[object]:
    return evidence_of(session, case)


def evidence_file(session: Session, case: str, evidence_id: UUID) -> Response:
    """Raises EvidenceNotFound for a file of another case."""
    file = get_evidence(session, evidence_id, case=case)
    return attachment(
        services().evidence.get(file.storage_name), filename=file.filename, media_type=file.media_type
    )
