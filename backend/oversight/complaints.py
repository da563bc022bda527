"""A citizen's complaint about a reading of their data (查看投诉), and the answer of an auditor who was not it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.city_calendar import CalendarYearUnknown, WorkingDays, city_date
from backend.ledger.models import LedgerEntry
from backend.ledger.service import ACTION_NAMES
from backend.notifications.service import Recipient, notify
from backend.oversight.errors import (
    AlreadyComplained,
    ComplaintNotFound,
    ComplaintNotInState,
    LedgerEntryNotFound,
    SelfReview,
)
from backend.oversight.models import AccessComplaint, ComplaintEventName
from backend.oversight.rules import rules_on
from backend.oversight.states import complaint_after


def file_complaint(
    session: Session, *, subject_id: int, entry_id: int, grounds: str, working_days: WorkingDays, now: datetime
) -> AccessComplaint:
    """Raises LedgerEntryNotFound (also for rows about others) or AlreadyComplained."""
    entry = session.get(LedgerEntry, entry_id)
    if entry is None or entry.subject_id != subject_id:
        raise LedgerEntryNotFound
    if earlier := _open_about(session, subject_id, entry_id):
        raise AlreadyComplained(earlier.answer_due_on)
    today = city_date(now)
    complaint = AccessComplaint(
        subject_id=subject_id,
        entry_id=entry_id,
        what={
            "at": entry.at.isoformat(),
            "who": entry.actor_name,
            "actor_kind": entry.actor_kind,
            "actor_id": entry.actor_id,
            "action_name": ACTION_NAMES.get(entry.action, entry.action),
            "basis": entry.basis,
            "purpose": entry.purpose,
        },
        grounds=grounds,
        state="filed",
        filed_at=now,
        answer_due_on=_due(working_days, today),
    )
    session.add(complaint)
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError:
        # Two taps at once: the unique index lets only one of them through.
        raise AlreadyComplained(complaint.answer_due_on) from None
    notify(
        session,
        Recipient(officer_role="auditor"),
        kind="access_complaint",
        title="市民投诉一次查看",
        body=f"请核查并在 {complaint.answer_due_on:%Y-%m-%d} 前答复。",
        about=f"access_complaint:{complaint.id}",
        now=now,
    )
    return complaint


def withdraw_complaint(session: Session, *, subject_id: int, complaint_id: UUID, now: datetime) -> AccessComplaint:
    """Raises ComplaintNotFound or ComplaintNotInState."""
    complaint = session.get(AccessComplaint, complaint_id)
    if complaint is None or complaint.subject_id != subject_id:
        raise ComplaintNotFound
    _move(session, complaint, "withdraw", closed_at=now)
    return complaint


def answer_complaint(
    session: Session, *, complaint_id: UUID, auditor_id: UUID, proper: bool, reply: str, now: datetime
) -> AccessComplaint:
    """Say whether the reading was proper, with reasons, and tell the citizen.

    Raises ComplaintNotFound, SelfReview or ComplaintNotInState.
    """
    complaint = get_complaint(session, complaint_id)
    if complaint.what["actor_id"] == str(auditor_id):
        raise SelfReview
    _move(session, complaint, "answer", proper=proper, reply=reply, answered_by=auditor_id, closed_at=now)
    notify(
        session,
        Recipient(subject_id=complaint.subject_id),
        kind="access_complaint_answered",
        title="您投诉的查看已核查" + ("：属依规查看" if proper else "：属不当查看，已移送处理"),
        body=reply,
        about=f"access_complaint:{complaint.id}",
        now=now,
    )
    return complaint


def get_complaint(session: Session, complaint_id: UUID) -> AccessComplaint:
    """Raises ComplaintNotFound."""
    complaint = session.get(AccessComplaint, complaint_id)
    if complaint is None:
        raise ComplaintNotFound
    return complaint


def complaints_of(session: Session, subject_id: int) -> Sequence[AccessComplaint]:
    """Newest first."""
    return session.scalars(
        select(AccessComplaint)
        .where(AccessComplaint.subject_id == subject_id)
        .order_by(AccessComplaint.filed_at.desc(), AccessComplaint.id)
    ).all()


def complaints_about(session: Session, entry_ids: Sequence[int]) -> Mapping[int, AccessComplaint]:
    """The latest complaint about each of the ledger rows."""
    found = session.scalars(
        select(AccessComplaint).where(AccessComplaint.entry_id.in_(entry_ids)).order_by(AccessComplaint.filed_at)
    )
    return {complaint.entry_id: complaint for complaint in found}


def complaint_queue(
    session: Session, *, state: str, after: tuple[date, UUID] | None = None, limit: int = 20
) -> Sequence[AccessComplaint]:
    """The clock that runs out first comes first; `after` is (answer_due_on, id) of the last one seen."""
    query = select(AccessComplaint).where(AccessComplaint.state == state)
    if after is not None:
        due_on, complaint_id = after
        query = query.where(
            (AccessComplaint.answer_due_on > due_on)
            | ((AccessComplaint.answer_due_on == due_on) & (AccessComplaint.id > complaint_id))
        )
    return session.scalars(query.order_by(AccessComplaint.answer_due_on, AccessComplaint.id).limit(limit)).all()


def _open_about(session: Session, subject_id: int, entry_id: int) -> AccessComplaint | None:
    return session.scalars(
        select(AccessComplaint).where(
            AccessComplaint.subject_id == subject_id,
            AccessComplaint.entry_id == entry_id,
            AccessComplaint.state == "filed",
        )
    ).first()


def _move(session: Session, complaint: AccessComplaint, event: ComplaintEventName, **changes: Any) -> None:
    before = complaint.state
    after = complaint_after(before, event)  # type: ignore[arg-type]
    moved = session.execute(
        update(AccessComplaint)
        .where(AccessComplaint.id == complaint.id, AccessComplaint.state == before)
        .values(state=after, **changes)
        .returning(AccessComplaint.id)
        .execution_options(synchronize_session=False)
    ).first()
    session.refresh(complaint)
    if moved is None:
        raise ComplaintNotInState(complaint.state)


def _due(working_days: WorkingDays, today: date) -> date:
    count = rules_on(today).answer_complaint_within_days
    try:
        return working_days.after(today, count)
    except CalendarYearUnknown:
        # The citizen is promised a day that holds whatever the holidays of the next year turn out to be.
        return today + timedelta(days=count * 3)
