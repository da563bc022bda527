"""What the officers' pages of repairs, supplements and commitments share: masked subjects and the ledger."""

from __future__ import annotations

from sqlalchemy.orm import Session

from backend.ledger.service import record_access
from backend.subjects.service import get_subject, masked_identifier, masked_name
from backend.web.context import now, services
from backend.web.guards import officer_as_actor


def masked_subject(session: Session, subject_id: int) -> dict[str, object]:
    subject = get_subject(session, subject_id)
    return {
        "name": masked_name(services().keys, subject),
        "identifier": masked_identifier(services().keys, subject),
        "deceased": subject.status == "deceased",
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
