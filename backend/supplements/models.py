"""Supplements and what happened to each."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, BigId, Json, UtcDateTime

ON_THE_CLOCK = text("state = 'filed'")


class Supplement(Base):
    """Data that a subject supplied about itself (自主申报).

    applicant_id  who acts: the person themselves, or the legal representative
    cells_sealed  sealed JSON of what was filled in, by column of the template
    department    who verifies, with its 统一社会信用代码
    consent_id    the separate written consent, where the kind of data needs one
    due_on        last day for verification; null while the applicant has to act or it is done
    record_id     the record that it became
    """

    __tablename__ = "supplements"
    __table_args__ = (
        Index("ix_supplements_queue", "due_on", "id", postgresql_where=ON_THE_CLOCK, sqlite_where=ON_THE_CLOCK),
        Index("ix_supplements_department_code_state", "department_code", "state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)
    applicant_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    applied_by: Mapped[str]
    category: Mapped[str]
    template: Mapped[str]
    cells_sealed: Mapped[bytes]
    department: Mapped[str]
    department_code: Mapped[str]
    consent_id: Mapped[UUID | None] = mapped_column(ForeignKey("consents.id"))
    state: Mapped[str]  # SupplementState
    filed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_on: Mapped[date | None]
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None]
    reply: Mapped[str | None]
    record_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("credit_records.id"), index=True)


class SupplementEvent(Base):
    """One step of a supplement; only ever added."""

    __tablename__ = "supplement_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    supplement_id: Mapped[UUID] = mapped_column(ForeignKey("supplements.id"), index=True)
    event: Mapped[str]  # `file` or SupplementEventName
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
