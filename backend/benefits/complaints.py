"""A citizen's complaint about how a merchant handled a benefit (投诉商户), answered by an officer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from backend.benefits.errors import CheckNotFound, ComplaintAlreadyOpen, ComplaintNotFound, ComplaintStateForbids
from backend.benefits.models import BenefitCheck, MerchantComplaint
from backend.notifications.service import Recipient, notify

ComplaintState = Literal["filed", "taken_up", "upheld", "rejected", "withdrawn"]
ComplaintEvent = Literal["take_up", "uphold", "reject", "withdraw"]

STATE_NAMES: dict[ComplaintState, str] = {
    "filed": "已提交",
    "taken_up": "核实中",
    "upheld": "投诉成立",
    "rejected": "投诉不成立",
    "withdrawn": "已撤回",
}
OPEN_STATES: tuple[ComplaintState, ...] = ("filed", "taken_up")
TRANSITIONS: dict[tuple[ComplaintState, ComplaintEvent], ComplaintState] = {
    ("filed", "take_up"): "taken_up",
    ("filed", "uphold"): "upheld",
    ("filed", "reject"): "rejected",
    ("filed", "withdraw"): "withdrawn",
    ("taken_up", "uphold"): "upheld",
    ("taken_up", "reject"): "rejected",
    ("taken_up", "withdraw"): "withdrawn",
}


def file_complaint(
    session: Session, *, holder_id: int, check_id: UUID, what: str, now: datetime
) -> MerchantComplaint:
    """About the merchant of one of the citizen's own checks; somebody else's is reported as not found.

    Raises CheckNotFound or ComplaintAlreadyOpen.
    """
    # The lock makes the second of two taps wait and then find the first one's case.
    check = session.get(BenefitCheck, check_id, with_for_update=True)
    if check is None or check.holder_id != holder_id:
        raise CheckNotFound
    if session.scalars(
        select(MerchantComplaint.id).where(
            MerchantComplaint.check_id == check_id, MerchantComplaint.state.in_(OPEN_STATES)
        )
    ).first():
        raise ComplaintAlreadyOpen
    complaint = MerchantComplaint(
        check_id=check_id, holder_id=holder_id, partner_id=check.partner_id, what=what, state="filed", filed_at=now
    )
    session.add(complaint)
    session.flush()
    notify(
        session,
        Recipient(officer_role="score_officer"),
        kind="merchant_complaint",
        title="新的商户投诉",
        body="有市民投诉合作商户对权益的办理，请到“商户投诉”核实答复。",
        about=f"merchant_complaint:{complaint.id}",
        now=now,
    )
    return complaint


def withdraw_complaint(
    session: Session, *, holder_id: int, complaint_id: UUID, now: datetime
) -> MerchantComplaint:
    """Raises ComplaintNotFound, also for another citizen's, or ComplaintStateForbids."""
    complaint = get_complaint(session, complaint_id)
    if complaint.holder_id != holder_id:
        raise ComplaintNotFound
    return _move(session, complaint, "withdraw", now=now)


def take_up_complaint(session: Session, *, complaint_id: UUID, officer: str, now: datetime) -> MerchantComplaint:
    """Raises ComplaintNotFound or ComplaintStateForbids."""
    return _move(session, get_complaint(session, complaint_id), "take_up", now=now, handled_by=officer)


def answer_complaint(
    session: Session,
    *,
    complaint_id: UUID,
    outcome: Literal["upheld", "rejected"],
    answer: str,
    officer: str,
    now: datetime,
) -> MerchantComplaint:
    """Close the case and tell the citizen. Raises ComplaintNotFound or ComplaintStateForbids."""
    event: ComplaintEvent = "uphold" if outcome == "upheld" else "reject"
    complaint = get_complaint(session, complaint_id)
    _move(session, complaint, event, now=now, handled_by=officer, answer=answer)
    notify(
        session,
        Recipient(subject_id=complaint.holder_id),
        kind="merchant_complaint_answered",
        title="您对商户的投诉有了答复",
        body=f"{STATE_NAMES[complaint.state]}：{answer}",  # type: ignore[index]
        about=f"merchant_complaint:{complaint.id}",
        now=now,
    )
    return complaint


def get_complaint(session: Session, complaint_id: UUID) -> MerchantComplaint:
    """Raises ComplaintNotFound."""
    complaint = session.get(MerchantComplaint, complaint_id)
    if complaint is None:
        raise ComplaintNotFound
    return complaint


def complaints_of(session: Session, holder_id: int) -> Sequence[MerchantComplaint]:
    """The citizen's own, newest first."""
    return session.scalars(
        select(MerchantComplaint)
        .where(MerchantComplaint.holder_id == holder_id)
        .order_by(MerchantComplaint.filed_at.desc(), MerchantComplaint.id)
    ).all()


def complaint_queue(
    session: Session, *, only_open: bool, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[MerchantComplaint]:
    """Oldest first, so that nobody waits behind who came later."""
    query = select(MerchantComplaint).order_by(MerchantComplaint.filed_at, MerchantComplaint.id).limit(limit)
    if only_open:
        query = query.where(MerchantComplaint.state.in_(OPEN_STATES))
    if after is not None:
        query = query.where(tuple_(MerchantComplaint.filed_at, MerchantComplaint.id) > tuple_(*after))
    return session.scalars(query).all()


def _move(
    session: Session, complaint: MerchantComplaint, event: ComplaintEvent, *, now: datetime, **changes: str
) -> MerchantComplaint:
    before: ComplaintState = complaint.state  # type: ignore[assignment]
    after = TRANSITIONS.get((before, event))
    if after is None:
        raise ComplaintStateForbids(before, STATE_NAMES[before])
    moved = session.execute(
        update(MerchantComplaint)
        .where(MerchantComplaint.id == complaint.id, MerchantComplaint.state == before)
        .values(state=after, closed_at=None if after in OPEN_STATES else now, **changes)
        .returning(MerchantComplaint.id)
        .execution_options(synchronize_session=False)
    ).first()
    session.refresh(complaint)
    if moved is None:
        raise ComplaintStateForbids(complaint.state, STATE_NAMES[complaint.state])  # type: ignore[index]
    return complaint
