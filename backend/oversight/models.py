"""Alerts about officers' reading, the readings behind each, and complaints of those who were read."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, BigId, Json, UtcDateTime

RuleCode = Literal[
    "volume", "out_of_hours", "own_record", "same_surname", "neighbours", "repeated", "without_case"
]
AlertState = Literal["open", "explained", "accepted", "escalated"]
AlertEventName = Literal["explain", "accept", "escalate"]
ComplaintState = Literal["filed", "answered", "withdrawn"]
ComplaintEventName = Literal["answer", "withdraw"]


class AccessAlert(Base):
    """One rule that one officer's reading of one day set off (访问预警).

    once_key       rule, officer, day and, where the rule is about one person, the person: found again is not
                   raised again
    figures        what was counted and against what, as the rule states it
    rules_from     date of effect of the rules it was found by
    explanation    the officer's own; null until given
    decided_by     the auditor, never the officer themselves
    """

    __tablename__ = "access_alerts"
    __table_args__ = (Index("ix_access_alerts_state_id", "state", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    officer_id: Mapped[UUID] = mapped_column(ForeignKey("officers.id"), index=True)
    rule: Mapped[str]  # RuleCode
    day: Mapped[date]
    once_key: Mapped[str] = mapped_column(unique=True)
    figures: Mapped[dict[str, Any]] = mapped_column(Json)
    rules_from: Mapped[date]
    state: Mapped[str]  # AlertState
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    explain_due_on: Mapped[date]
    explanation: Mapped[str | None]
    explained_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("officers.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decision: Mapped[str | None]


class AlertedEntry(Base):
    """A ledger row that an alert is about. It is named by its number alone: the ledger outlives its table."""

    __tablename__ = "alerted_entries"

    alert_id: Mapped[int] = mapped_column(BigId, ForeignKey("access_alerts.id"), primary_key=True)
    entry_id: Mapped[int] = mapped_column(BigId, primary_key=True, index=True)


_STILL_OPEN = text("state = 'filed'")


class AccessComplaint(Base):
    """A citizen says that a reading in their ledger should not have been (“这不该查我”).

    entry_id  number of the ledger row; `what` keeps what it said, should it be archived meanwhile
    proper    the auditor's finding; null until answered
    """

    __tablename__ = "access_complaints"
    __table_args__ = (
        Index(
            "one_open_complaint_per_entry",
            "subject_id",
            "entry_id",
            unique=True,
            postgresql_where=_STILL_OPEN,
            sqlite_where=_STILL_OPEN,
        ),
        Index("ix_access_complaints_state_answer_due_on", "state", "answer_due_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)
    entry_id: Mapped[int] = mapped_column(BigId)
    what: Mapped[dict[str, Any]] = mapped_column(Json)
    grounds: Mapped[str]
    state: Mapped[str]  # ComplaintState
    filed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answer_due_on: Mapped[date]
    proper: Mapped[bool | None]
    reply: Mapped[str | None]
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_by: Mapped[UUID | None] = mapped_column(ForeignKey("officers.id"))
