"""What nobody explained or answered in time: auditors are told of each once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.notifications.service import Recipient, notify
from backend.oversight.models import AccessAlert, AccessComplaint


def remind_of_overdue(session: Session, *, now: datetime) -> int:
    """Tell the auditors of explanations that officers owe and of complaints without an answer whose last day is
    over, each once; how many messages went out. Run by the worker."""
    today, told = city_date(now), 0
    for alert in session.scalars(
        select(AccessAlert)
        .where(AccessAlert.state == "open", AccessAlert.explain_due_on < today)
        .order_by(AccessAlert.id)
    ):
        told += notify(
            session,
            Recipient(officer_role="auditor"),
            kind="access_explanation_overdue",
            title="访问预警逾期未说明",
            body=f"应于 {alert.explain_due_on:%Y-%m-%d} 前说明。不必再等，可直接审计或移送处理。",
            about=f"access_alert:{alert.id}",
            once_key=f"access_explanation_overdue:{alert.id}",
            now=now,
        )
    for complaint in session.scalars(
        select(AccessComplaint)
        .where(AccessComplaint.state == "filed", AccessComplaint.answer_due_on < today)
        .order_by(AccessComplaint.filed_at, AccessComplaint.id)
    ):
        told += notify(
            session,
            Recipient(officer_role="auditor"),
            kind="access_complaint_overdue",
            title="查看投诉逾期未答复",
            body=f"应于 {complaint.answer_due_on:%Y-%m-%d} 前答复市民，请立即核查答复。",
            about=f"access_complaint:{complaint.id}",
            once_key=f"access_complaint_overdue:{complaint.id}",
            now=now,
        )
    return told
