"""Objections and what happened to each."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, false, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, BigId, Json, UtcDateTime

ObjectionKind = Literal["record", "list_entry", "score", "benefit"]
STILL_OPEN = text("state IN ('filed', 'forwarded', 'disclaimed', 'replied')")


class Objection(Base):
    """A subject's objection (异议) to one record, list entry, score or refused benefit about them.

    subject_id       whom the disputed matter is about: the citizen, or the enterprise they act for
    filed_by_id      the citizen who filed it and is answered
    about            what is disputed, as `kind:id`; one open case for each
    record_version   the record's version right after filing; a later one means it has been corrected since
    score_id         the score as it was when disputed; no reference, because leaving deletes scores
    answer_due_on    city calendar, working days already counted
    provider_due_on  until when the source department is to reply, once it was asked formally
    department_code  whose inbox the case is in; null for what the city itself computed
    department_reply `{finding, explanation, corrections, remove}` as the department gave it
    decided_by       the officer's name as the citizen reads it
    redirected_to    the body outside this platform that a case was handed to
    removed          whether upholding it took the record out for good: there should be no such record
    statement        the subject's own words, shown with the record after the objection was not upheld
    """

    __tablename__ = "objections"
    __table_args__ = (
        # Two taps on a slow phone must not open two cases.
        Index(
            "one_open_objection_per_matter",
            "subject_id",
            "about",
            unique=True,
            postgresql_where=STILL_OPEN,
            sqlite_where=STILL_OPEN,
        ),
        Index("ix_objections_queue", "answer_due_on", postgresql_where=STILL_OPEN, sqlite_where=STILL_OPEN),
        Index("ix_objections_inbox", "department_code", "answer_due_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)
    filed_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)
    kind: Mapped[str]  # ObjectionKind
    about: Mapped[str]
    record_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("credit_records.id"), index=True)
    record_version: Mapped[int | None]
    score_id: Mapped[int | None] = mapped_column(BigId)
    scheme_code: Mapped[str | None]
    grounds: Mapped[str]
    state: Mapped[str]  # ObjectionState
    filed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answer_due_on: Mapped[date]
    department_code: Mapped[str | None]
    department_name: Mapped[str | None]
    forwarded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    provider_due_on: Mapped[date | None]
    extended: Mapped[bool] = mapped_column(default=False)
    department_reply: Mapped[dict[str, Any] | None] = mapped_column(Json)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None]
    reply: Mapped[str | None]
    redirected_to: Mapped[str | None]
    removed: Mapped[bool] = mapped_column(default=False, server_default=false())
    statement: Mapped[str | None]

    @property
    def case(self) -> str:
        """How evidence and notifications name it."""
        return f"objection:{self.id}"

    @property
    def reply_case(self) -> str:
        """How the evidence that comes with the department's reply names it."""
        return f"objection_reply:{self.id}"


class ObjectionEvent(Base):
    """One step of an objection; only ever added. `detail` holds what the step says in words, for the timeline."""

    __tablename__ = "objection_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    objection_id: Mapped[UUID] = mapped_column(ForeignKey("objections.id"), index=True)
    event: Mapped[str]  # `file` or ObjectionEventName
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
