"""Objections and what happened to each."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, BigId, Json, UtcDateTime

STILL_OPEN = text("state IN ('filed', 'forwarded')")


class Objection(Base):
    """A subject's objection (异议) to one record about them.

    record_version the record's version right after filing; a later one means it has been corrected since
    answer_due_on  city calendar, working days already counted
    decided_by     the officer's name as the citizen reads it
    statement      the subject's own words, shown with the record after the objection was not upheld
    """

    __tablename__ = "objections"
    __table_args__ = (
        # Two taps on a slow phone must not open two cases.
        Index(
            "one_open_objection_per_record",
            "record_id",
            unique=True,
            postgresql_where=STILL_OPEN,
            sqlite_where=STILL_OPEN,
        ),
        Index("ix_objections_queue", "answer_due_on", postgresql_where=STILL_OPEN, sqlite_where=STILL_OPEN),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)
    kind: Mapped[str]  # record
    record_id: Mapped[int] = mapped_column(BigId, ForeignKey("credit_records.id"))
    record_version: Mapped[int]
    grounds: Mapped[str]
    state: Mapped[str]  # ObjectionState
    filed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answer_due_on: Mapped[date]
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None]
    reply: Mapped[str | None]
    statement: Mapped[str | None]


class ObjectionEvent(Base):
    """One step of an objection; only ever added."""

    __tablename__ = "objection_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    objection_id: Mapped[UUID] = mapped_column(ForeignKey("objections.id"), index=True)
    event: Mapped[str]  # `file` or ObjectionEventName
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
