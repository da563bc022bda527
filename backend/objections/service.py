"""Filing, withdrawing and deciding objections; what each does to the record and to the score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.objections.deadlines import Deadlines
from backend.objections.errors import (
    AlreadyUnderObjection,
    CorrectionMissing,
    ObjectionNotFound,
    ObjectionStateForbids,
    RecordRevoked,
    ReplyMissing,
    StatementMissing,
)
from backend.objections.models import Objection, ObjectionEvent
from backend.objections.states import (
    OPEN_STATES,
    STATE_NAMES,
    ObjectionEventName,
    ObjectionState,
    state_after,
)
from backend.records.models import CreditRecord
from backend.records.service import change_state, correct_record, lock_own_record, lock_record
from backend.subjects.rescoring import mark_for_rescoring

Outcome = Literal["upheld", "partly_upheld", "rejected"]
_EVENT_OF_OUTCOME: Mapping[Outcome, ObjectionEventName] = {
    "upheld": "uphold",
    "partly_upheld": "uphold_partly",
    "rejected": "reject",
}


def file_objection(
    session: Session,
    *,
    subject_id: int,
    record_id: int,
    grounds: str,
    now: datetime,
    deadlines: Deadlines,
) -> Objection:
    """Open an objection and stop the record from lowering the score meanwhile.

    Someone else's record is reported as not found, so ids cannot be probed. A record that no longer counts
    (repaired, expired) keeps its state; only one that counts is marked as disputed.

    Raises RecordNotFound, RecordRevoked, AlreadyUnderObjection or CalendarMissing.
    """
    record = lock_own_record(session, subject_id=subject_id, record_id=record_id)
    if record.state == "revoked":
        raise RecordRevoked
    if earlier := find_open_objection(session, record.id):
        raise AlreadyUnderObjection(earlier.answer_due_on)

    objection = Objection(
        subject_id=subject_id,
        kind="record",
        record_id=record.id,
        grounds=grounds,
        state="filed",
        filed_at=now,
        answer_due_on=deadlines.answer_due(filed_on=city_date(now)),
    )
    if record.state == "active":
        change_state(
            session, record, state="disputed", changed_by="本人", reason="提出异议，核查期间不降低信用分", now=now
        )
        mark_for_rescoring(session, [subject_id], "objection_filed", now)
    objection.record_version = record.version
    session.add(objection)
    session.flush()
    _remember(session, objection, "file", actor="本人", now=now)
    return objection


def withdraw_objection(session: Session, *, subject_id: int, objection_id: UUID, now: datetime) -> Objection:
    """The record counts again as before. Raises ObjectionNotFound or ObjectionStateForbids."""
    objection = get_own_objection(session, subject_id=subject_id, objection_id=objection_id)
    record = lock_own_record(session, subject_id=objection.subject_id, record_id=objection.record_id)
    _move(session, objection, "withdraw", actor="本人", now=now)
    _count_again(session, record, changed_by="本人", reason="本人撤回异议", now=now)
    mark_for_rescoring(session, [subject_id], "objection_withdrawn", now)
    return objection


def forward_objection(
    session: Session, *, objection_id: UUID, officer: str, now: datetime, deadlines: Deadlines
) -> Objection:
    """Ask the source department to verify, which gives the longer clock.

    Raises ObjectionNotFound, ObjectionStateForbids or CalendarMissing.
    """
    objection = get_objection(session, objection_id)
    due = deadlines.answer_due_when_forwarded(filed_on=city_date(objection.filed_at))
    _move(session, objection, "forward", actor=officer, now=now, answer_due_on=due)
    return objection


def decide_objection(
    session: Session,
    *,
    objection_id: UUID,
    outcome: Outcome,
    reply: str,
    officer: str,
    now: datetime,
    corrections: Mapping[str, Any] | None = None,
) -> Objection:
    """Answer the citizen, and let the record follow.

    Upheld: with `corrections` (see `records.service.correct_record`) the record is corrected and counts again,
    without them it is revoked. Partly upheld: it counts again as corrected, now or by the source department
    since the objection was filed. Rejected: it counts again as it was, with reasons given. `officer` is the name
    that the citizen reads.

    Raises ObjectionNotFound, ObjectionStateForbids, ReplyMissing, CorrectionMissing or CorrectionRefused.
    """
    if not reply.strip():
        raise ReplyMissing
    objection = get_objection(session, objection_id)
    record = lock_record(session, objection.record_id)
    if outcome == "partly_upheld" and not corrections and record.version <= objection.record_version:
        raise CorrectionMissing
    _move(
        session,
        objection,
        _EVENT_OF_OUTCOME[outcome],
        actor=officer,
        now=now,
        decided_at=now,
        decided_by=officer,
        reply=reply.strip(),
    )
    reason = STATE_NAMES[outcome]
    if outcome == "rejected":
        _count_again(session, record, changed_by=officer, reason=reason, now=now)
    elif corrections or outcome == "partly_upheld":
        if corrections:
            correct_record(session, record, changes=corrections, changed_by=officer, reason=reason, now=now)
        _count_again(session, record, changed_by=officer, reason=f"{reason}，按更正后的内容恢复", now=now)
    elif record.state != "revoked":
        change_state(session, record, state="revoked", changed_by=officer, reason=reason, now=now)
    mark_for_rescoring(session, [objection.subject_id], f"objection_{outcome}", now)
    return objection


def attach_statement(
    session: Session, *, subject_id: int, objection_id: UUID, statement: str, now: datetime
) -> Objection:
    """The citizen's own words, to stand beside the record after a rejection; a later statement replaces it.

    Raises ObjectionNotFound, ObjectionStateForbids or StatementMissing.
    """
    if not statement.strip():
        raise StatementMissing
    objection = get_own_objection(session, subject_id=subject_id, objection_id=objection_id)
    _move(session, objection, "attach_statement", actor="本人", now=now, statement=statement.strip())
    return objection


def find_open_objection(session: Session, record_id: int) -> Objection | None:
    return session.scalars(
        select(Objection).where(Objection.record_id == record_id, Objection.state.in_(OPEN_STATES))
    ).first()


def open_objections_by_record(session: Session, record_ids: Sequence[int]) -> dict[int, UUID]:
    """Ids of open objections for those of the records that are under one."""
    rows = session.execute(
        select(Objection.record_id, Objection.id).where(
            Objection.record_id.in_(record_ids), Objection.state.in_(OPEN_STATES)
        )
    )
    return {record_id: objection_id for record_id, objection_id in rows}  # noqa: C416 - rows are not pairs to mypy


def get_objection(session: Session, objection_id: UUID) -> Objection:
    """Raises ObjectionNotFound."""
    objection = session.get(Objection, objection_id)
    if objection is None:
        raise ObjectionNotFound
    return objection


def get_own_objection(session: Session, *, subject_id: int, objection_id: UUID) -> Objection:
    """Raises ObjectionNotFound, also for another subject's."""
    objection = get_objection(session, objection_id)
    if objection.subject_id != subject_id:
        raise ObjectionNotFound
    return objection


def objections_of(session: Session, subject_id: int) -> Sequence[Objection]:
    """Newest first."""
    return session.scalars(
        select(Objection)
        .where(Objection.subject_id == subject_id)
        .order_by(Objection.filed_at.desc(), Objection.id)
    ).all()


def objection_queue(
    session: Session,
    *,
    state: ObjectionState | Literal["open"] | None = "open",
    after: tuple[date, UUID] | None = None,
    limit: int = 20,
) -> Sequence[Objection]:
    """For officers: the most urgent first. `after` is due date and id of the last one seen."""
    query = select(Objection)
    if state == "open":
        query = query.where(Objection.state.in_(OPEN_STATES))
    elif state is not None:
        query = query.where(Objection.state == state)
    if after is not None:
        due, objection_id = after
        query = query.where(
            or_(
                Objection.answer_due_on > due,
                and_(Objection.answer_due_on == due, Objection.id > objection_id),
            )
        )
    return session.scalars(query.order_by(Objection.answer_due_on, Objection.id).limit(limit)).all()


def is_overdue(objection: Objection, today: date) -> bool:
    """Still open after its last day."""
    return objection.state in OPEN_STATES and objection.answer_due_on < today


def count_open(session: Session, today: date) -> tuple[int, int]:
    """How many objections are open, and how many of these are overdue."""
    is_open = Objection.state.in_(OPEN_STATES)
    total, overdue = session.execute(
        select(func.count(), func.count().filter(Objection.answer_due_on < today))
        .select_from(Objection)
        .where(is_open)
    ).one()
    return total, overdue


def events_of(session: Session, objection_id: UUID) -> Sequence[ObjectionEvent]:
    """Oldest first."""
    return session.scalars(
        select(ObjectionEvent).where(ObjectionEvent.objection_id == objection_id).order_by(ObjectionEvent.id)
    ).all()


def _move(
    session: Session,
    objection: Objection,
    event: ObjectionEventName,
    *,
    actor: str,
    now: datetime,
    **values: Any,
) -> None:
    """Of two at once, the second finds the state changed and is refused."""
    before: ObjectionState = objection.state  # type: ignore[assignment]
    moved = session.execute(
        update(Objection)
        .where(Objection.id == objection.id, Objection.state == before)
        .values(state=state_after(before, event), **values)
        .returning(Objection.id)
        .execution_options(synchronize_session=False)
    ).first()
    session.refresh(objection)
    if moved is None:
        state: ObjectionState = objection.state  # type: ignore[assignment]
        raise ObjectionStateForbids(state, STATE_NAMES[state])
    _remember(session, objection, event, actor=actor, now=now)


def _remember(
    session: Session,
    objection: Objection,
    event: ObjectionEventName | Literal["file"],
    *,
    actor: str,
    now: datetime,
) -> None:
    session.add(ObjectionEvent(objection_id=objection.id, event=event, at=now, actor=actor, detail={}))


def _count_again(session: Session, record: CreditRecord, *, changed_by: str, reason: str, now: datetime) -> None:
    # Meanwhile the department may have revoked the record, or it may have been repaired: that stays.
    if record.state == "disputed":
        change_state(session, record, state="active", changed_by=changed_by, reason=reason, now=now)
