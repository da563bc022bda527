"""Repairs, the records each is about, what happened to it, and publications that ended by themselves."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.cases.models import CaseStep, DepartmentsCase
from backend.database import Base, BigId, UtcDateTime

ON_THE_CLOCK = text("state IN ('filed', 'accepted', 'with_department', 'approved')")
STILL_OPEN = text("open")


class Repair(DepartmentsCase, Base):
    """An application for repair (信用修复) of one record, or of several of one matter.

    state          RepairState
    department     who found the breach
    rule           version of the rules by the date of filing (`shipped/rules.yaml`); of the draft before that
    explanation    what was done to put it right, in the applicant's words
    result_due_on  last day for the result, from acceptance
    """

    __tablename__ = "repairs"
    __table_args__ = (
        Index("ix_repairs_queue", "due_on", "id", postgresql_where=ON_THE_CLOCK, sqlite_where=ON_THE_CLOCK),
        Index("ix_repairs_department_code_state", "department_code", "state"),
    )

    rule: Mapped[str]
    explanation: Mapped[str]
    drafted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    filed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    result_due_on: Mapped[date | None]


class RepairItem(Base):
    """One record of a repair. `open` while the case can still change it."""

    __tablename__ = "repair_items"
    __table_args__ = (
        # Two taps on a slow phone must not open two cases.
        Index(
            "one_open_repair_per_record",
            "record_id",
            unique=True,
            postgresql_where=STILL_OPEN,
            sqlite_where=STILL_OPEN,
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    repair_id: Mapped[UUID] = mapped_column(ForeignKey("repairs.id"), index=True)
    record_id: Mapped[int] = mapped_column(BigId, ForeignKey("credit_records.id"), index=True)
    open: Mapped[bool]


class RepairEvent(CaseStep, Base):
    """One step of a repair; `event` is `draft` or RepairEventName."""

    __tablename__ = "repair_events"

    repair_id: Mapped[UUID] = mapped_column(ForeignKey("repairs.id"), index=True)


class PublicationEnd(Base):
    """The longest publication period of a record has passed: noted once, by the worker."""

    __tablename__ = "publication_ends"

    record_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("credit_records.id"), primary_key=True, autoincrement=False
    )
    ended_on: Mapped[date]
    rule: Mapped[str]
    noted_at: Mapped[datetime] = mapped_column(UtcDateTime)
