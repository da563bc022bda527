"""What a source department hands in with its reply: kept apart from what the subject handed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from backend.evidence.errors import EvidenceNotFound
from backend.evidence.models import EvidenceFile
from backend.evidence.service import (
    EvidenceStore,
    evidence_of,
    forget_evidence,
    get_evidence,
    keep_in_case,
)
from backend.objections.errors import ObjectionStateForbids
from backend.objections.inbox import lock_department_case
from backend.objections.models import Objection
from backend.objections.states import STATE_NAMES, WITH_DEPARTMENT, ObjectionState


def departments_evidence(session: Session, objection: Objection) -> Sequence[EvidenceFile]:
    """In the order of handing in; of a case that was redirected, also what earlier departments handed in."""
    return evidence_of(session, objection.reply_case)


def departments_evidence_for_subject(session: Session, objection: Objection) -> Sequence[EvidenceFile]:
    """What the department's finding rests on is the subject's to see, once the department has replied."""
    return () if objection.state in WITH_DEPARTMENT else departments_evidence(session, objection)


def evidence_in_case(session: Session, objection: Objection, evidence_id: UUID) -> EvidenceFile:
    """A file of either side, for whoever handles the case. Raises EvidenceNotFound."""
    file = get_evidence(session, evidence_id)
    if file.case not in (objection.case, objection.reply_case):
        raise EvidenceNotFound
    return file


def evidence_for_subject(session: Session, objection: Objection, evidence_id: UUID) -> EvidenceFile:
    """The subject's own file, or one of the department's that they may see by now. Raises EvidenceNotFound."""
    if evidence_id in {file.id for file in departments_evidence_for_subject(session, objection)}:
        return get_evidence(session, evidence_id)
    return get_evidence(session, evidence_id, case=objection.case)


def add_department_evidence(
    session: Session,
    store: EvidenceStore,
    *,
    department_code: str,
    objection_id: UUID,
    filename: str,
    content: bytes,
    now: datetime,
) -> EvidenceFile:
    """Hand a file in while the case waits for the department's reply.

    Raises ObjectionNotFound, ObjectionStateForbids, EvidenceTooMany, or as `keep_in_case`.
    """
    objection = _waiting_case(session, department_code, objection_id)
    return keep_in_case(
        session,
        store,
        case=objection.reply_case,
        subject_id=objection.subject_id,
        filename=filename,
        content=content,
        uploaded_by=department_code,
        now=now,
    )


def take_back_department_evidence(
    session: Session, *, department_code: str, objection_id: UUID, evidence_id: UUID, now: datetime
) -> None:
    """Undo handing a file in, before the reply is given.

    Raises ObjectionNotFound, ObjectionStateForbids, or EvidenceNotFound also for another department's file.
    """
    objection = _waiting_case(session, department_code, objection_id)
    file = get_evidence(session, evidence_id, case=objection.reply_case)
    if file.uploaded_by != department_code:
        raise EvidenceNotFound
    forget_evidence(session, [file], now=now)


def _waiting_case(session: Session, department_code: str, objection_id: UUID) -> Objection:
    objection = lock_department_case(session, department_code, objection_id)
    if objection.state not in WITH_DEPARTMENT:
        state: ObjectionState = objection.state  # type: ignore[assignment]
        raise ObjectionStateForbids(state, STATE_NAMES[state])
    return objection
