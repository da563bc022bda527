"""What is said to whom when an objection moves, and the ledger's name for each occasion."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.notifications.service import Recipient, notify
from backend.objections.models import Objection
from backend.objections.states import STATE_NAMES

OFFICE = "objection_officer"


def tell_citizen(
    session: Session, objection: Objection, *, kind: str, title: str, body: str, now: datetime
) -> None:
    notify(
        session,
        # An enterprise's messages are read by whoever legally represents it at the time.
        Recipient(subject_id=objection.subject_id),
        kind=kind,
        title=title,
        body=body,
        about=objection.case,
        now=now,
    )


def tell_office(
    session: Session,
    objection: Objection,
    *,
    kind: str,
    title: str,
    body: str,
    now: datetime,
    once_key: str | None = None,
) -> bool:
    """The officers who handle objections; False when they were told before."""
    return notify(
        session,
        Recipient(officer_role=OFFICE),
        kind=kind,
        title=title,
        body=body,
        about=objection.case,
        once_key=once_key,
        now=now,
    )


def tell_department(
    session: Session,
    objection: Objection,
    *,
    kind: str,
    title: str,
    body: str,
    now: datetime,
    once_key: str | None = None,
) -> bool:
    """The department whose inbox the case is in, if any; its officers and its system read the same messages."""
    if objection.department_code is None:
        return False
    return notify(
        session,
        Recipient(partner_code=objection.department_code),
        kind=kind,
        title=title,
        body=body,
        about=objection.case,
        once_key=once_key,
        now=now,
    )


def tell_of_arrival(session: Session, objection: Objection, *, now: datetime) -> None:
    """A case has come into a department's inbox."""
    due = objection.provider_due_on or objection.answer_due_on
    tell_department(
        session,
        objection,
        kind="objection_received",
        title="有一件异议需要核查",
        body=f"贵单位报送的一条记录被提出异议，请于 {due:%Y-%m-%d} 前核查并答复。",
        now=now,
    )


def tell_of_leaving(session: Session, objection: Objection, *, to: str, now: datetime) -> None:
    """A case leaves the inbox that it is in; there is no page about it any more."""
    if objection.department_code is None:
        return
    notify(
        session,
        Recipient(partner_code=objection.department_code),
        kind="objection_reassigned",
        title="一件异议已改派其他单位",
        body=(f"{city_date(objection.filed_at):%Y-%m-%d} 提出的一件异议已改派{to}核查，本单位无需答复。"),
        now=now,
    )


def tell_of_decision(session: Session, objection: Objection, *, now: datetime) -> None:
    name = STATE_NAMES[objection.state]  # type: ignore[index]  # the column holds an ObjectionState
    tell_citizen(
        session,
        objection,
        kind="objection_answered",
        title=f"您的异议已答复：{name}",
        body="点开可看答复全文。对答复不满意的，可以附上自己的声明，也可以依法申请行政复议或者提起诉讼。",
        now=now,
    )
