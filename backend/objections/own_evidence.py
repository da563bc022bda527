"""What a subject hands in for an objection that is under way: on the phone, or on paper at a window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.evidence.models import EvidenceFile
from backend.evidence.service import BY_SUBJECT, EvidenceStore, attach_evidence, keep_in_case
from backend.objections.models import Objection
from backend.objections.service import get_own_objection
from backend.objections.steps import lock_objection, move
from backend.objections.telling import tell_department, tell_office


def add_own_evidence(
    session: Session, *, subject_id: int, objection_id: UUID, evidence_ids: Sequence[UUID], now: datetime
) -> Objection:
    """Put files that this citizen has uploaded into their case, or into that of an enterprise they represent.

    Raises ObjectionNotFound, ObjectionStateForbids once it is decided, EvidenceNotFound or EvidenceTooMany.
    """
    get_own_objection(session, subject_id=subject_id, objection_id=objection_id, on=city_date(now))
    objection = lock_objection(session, objection_id)
    attach_evidence(session, subject_id=subject_id, case=objection.case, evidence_ids=evidence_ids)
    _added(session, objection, len(set(evidence_ids)), actor=BY_SUBJECT, now=now)
    return objection


def take_evidence_at_window(
    session: Session,
    store: EvidenceStore,
    *,
    objection_id: UUID,
    filename: str,
    content: bytes,
    actor: str,
    now: datetime,
) -> tuple[Objection, EvidenceFile]:
    """Keep a paper that was handed in at a window, as the subject's own. `actor` says in words who took it.

    Raises ObjectionNotFound, ObjectionStateForbids once it is decided, EvidenceTooMany, or as `keep_in_case`.
    """
    objection = lock_objection(session, objection_id)
    _added(session, objection, 1, actor=actor, now=now)
    file = keep_in_case(
        session,
        store,
        case=objection.case,
        subject_id=objection.filed_by_id,
        filename=filename,
        content=content,
        uploaded_by=BY_SUBJECT,
        now=now,
    )
    return objection, file


def _added(session: Session, objection: Objection, pieces: int, *, actor: str, now: datetime) -> None:
    move(session, objection, "add_evidence", actor=actor, now=now, detail={"pieces": pieces})
    title, body = "一件异议补交了材料", f"补交 {pieces} 份，请在核查和答复时一并查看。"
    tell_office(session, objection, kind="objection_evidence_added", title=title, body=body, now=now)
    tell_department(session, objection, kind="objection_evidence_added", title=title, body=body, now=now)
