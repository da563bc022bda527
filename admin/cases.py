"""What the officers' pages of repairs, supplements and commitments share: clocks, evidence, the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from backend.cases.models import CaseStep
from backend.ledger.service import record_access
from backend.subjects.service import get_subject, masked_identifier, masked_name
from backend.web.context import now, services
from backend.web.guards import officer_as_actor
from backend.web.moments import Moment


class CaseEvent(Schema):
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


def steps_in(steps: Sequence[CaseStep], names: Mapping[Any, str]) -> list[dict[str, object]]:
    """What happened to a case, with the words that went with a step."""
    return [
        {
            "at": step.at,
            "event": step.event,
            "event_name": names[step.event],
            "actor": step.actor,
            "text": step.detail.get("text"),
        }
        for step in steps
    ]
