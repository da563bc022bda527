"""What a source department sees of objections to its records, and its reply: right, wrong, or not ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.objections.corrections import checked_corrections
from backend.objections.deadlines import Deadlines
from backend.objections.errors import (
    DepartmentCorrectionMissing,
    NotInThisInbox,
    ObjectionNotFound,
    ReplyMissing,
)
from backend.objections.models import Objection
from backend.objections.routing import find_department
from backend.objections.service import redirect
from backend.objections.states import WITH_DEPARTMENT
from backend.objections.steps import lock_objection, move
from backend.objections.telling import tell_office
from backend.records.service import get_own_record

Finding = Literal["right", "wrong", "not_ours"]
FINDING_NAMES: Mapping[Finding, str] = {"right": "核查无误", "wrong": "核查有误", "not_ours": "不归本单位负责"}
InboxState = Literal["waiting", "done"]


def department_inbox(
    session: Session,
    department_code: str,
    *,
    state: InboxState = "waiting",
    after: tuple[date, UUID] | None = None,
    limit: int = 20,
) -> Sequence[Objection]:
    """Cases that wait for this department's reply, the most urgent first; or those it no longer has to act on."""
    waiting = Objection.state.in_(WITH_DEPARTMENT)
    query = select(Objection).where(
        Objection.department_code == department_code, waiting if state == "waiting" else ~waiting
    )
    if after is not None:
        due, objection_id = after
        query = query.where(
            or_(
                Objection.answer_due_on > due,
                and_(Objection.answer_due_on == due, Objection.id > objection_id),
            )
        )
    return session.scalars(query.order_by(Objection.answer_due_on, Objection.id).limit(limit)).all()


def count_waiting(session: Session, department_code: str, today: date) -> tuple[int, int]:
    """How many objections wait for this department's reply, and how many of these are overdue."""
    due = func.coalesce(Objection.provider_due_on, Objection.answer_due_on)
    waiting, overdue = session.execute(
        select(func.count(), func.count().filter(due < today))
        .select_from(Objection)
        .where(Objection.department_code == department_code, Objection.state.in_(WITH_DEPARTMENT))
    ).one()
    return waiting, overdue


def department_case(session: Session, department_code: str, objection_id: UUID) -> Objection:
    """Raises NotInThisInbox, also where there is no such case at all."""
    objection = session.get(Objection, objection_id)
    if objection is None or objection.department_code != department_code:
        raise NotInThisInbox
    return objection


def lock_department_case(session: Session, department_code: str, objection_id: UUID) -> Objection:
    """As `department_case`, and nobody else moves it until the transaction ends. Whose it is can only be said once
    it is locked: it may be redirected until then. Raises NotInThisInbox."""
    try:
        objection = lock_objection(session, objection_id)
    except ObjectionNotFound:
        raise NotInThisInbox from None
    if objection.department_code != department_code:
        raise NotInThisInbox
    return objection


def reply_as_department(
    session: Session,
    *,
    department_code: str,
    objection_id: UUID,
    finding: Finding,
    explanation: str,
    actor: str,
    now: datetime,
    deadlines: Deadlines,
    corrections: Mapping[str, Any] | None = None,
    remove: bool = False,
    right_department: str | None = None,
) -> Objection:
    """Tell the office what was found; the office decides and answers the citizen.

    right       the record is as the department has it
    wrong       with `corrections` to its facts, or `remove` when there should be no such record
    not_ours    goes on to `right_department` (its code) at once, else back to the office to be assigned

    Raises NotInThisInbox, ObjectionStateForbids, ReplyMissing, DepartmentCorrectionMissing,
    CorrectionContradicts, DepartmentUnknown, DepartmentUnchanged or CalendarMissing.
    """
    if not explanation.strip():
        raise ReplyMissing
    if finding == "wrong" and not corrections and not remove:
        raise DepartmentCorrectionMissing
    objection = lock_department_case(session, department_code, objection_id)
    name = objection.department_name or actor
    if finding == "not_ours":
        move(
            session,
            objection,
            "disclaim",
            actor=actor,
            now=now,
            detail={"department": name, "department_code": department_code, "explanation": explanation.strip()},
        )
        if right_department is not None:
            department = find_department(session, right_department, city_date(now))
            redirect(session, objection, department, actor=actor, now=now, deadlines=deadlines)
            return objection
    else:
        if corrections:
            record = get_own_record(session, objection.subject_id, objection.record_id or 0)
            corrections = checked_corrections(session, record, corrections, today=city_date(now))
        move(
            session,
            objection,
            "reply",
            actor=actor,
            now=now,
            detail={"department": name, "finding": FINDING_NAMES[finding]},
            department_reply={
                "finding": finding,
                "explanation": explanation.strip(),
                "corrections": _as_json(corrections or {}),
                "remove": remove,
            },
        )
    tell_office(
        session,
        objection,
        kind="objection_department_replied",
        title=f"{name}已答复：{FINDING_NAMES[finding]}",
        body="请改派其他单位或办结。" if finding == "not_ours" else "请据此作出处理并答复申请人。",
        now=now,
    )
    return objection


def _as_json(corrections: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in corrections.items()}
