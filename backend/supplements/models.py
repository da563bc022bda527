"""Supplements and what happened to each."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.cases.models import CaseStep, DepartmentsCase
from backend.database import Base, BigId, UtcDateTime

ON_THE_CLOCK = text("state = 'filed'")


class Supplement(DepartmentsCase, Base):
    """Data that a subject supplied about itself (自主申报).

    state         SupplementState
    cells_sealed  sealed JSON of what was filled in, by column of the template
    department    who verifies
    consent_id    the separate written consent, where the kind of data needs one
    record_id     the record that it became
    """

    __tablename__ = "supplements"
    __table_args__ = (
        Index("ix_supplements_queue", "due_on", "id", postgresql_where=ON_THE_CLOCK, sqlite_where=ON_THE_CLOCK),
        Index("ix_supplements_department_code_state", "department_code", "state"),
    )

    category: Mapped[str]
    template: Mapped[str]
    cells_sealed: Mapped[bytes]
    consent_id: Mapped[UUID | None] = mapped_column(ForeignKey("consents.id"))
    filed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    record_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("credit_records.id"), index=True)


class SupplementEvent(CaseStep, Base):
    """One step of a supplement; `event` is `file` or SupplementEventName."""

    __tablename__ = "supplement_events"

    supplement_id: Mapped[UUID] = mapped_column(ForeignKey("supplements.id"), index=True)
