"""Batches of checks and their rows. Numbers and names are sealed; results are deleted when their time is over."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, BigId, Json, UtcDateTime


class CreditCheck(Base):
    """One file of subjects that a department asked about (批量信用核查).

    department_code  its 统一社会信用代码, or `office` for the credit office itself
    matter           what exactly it is for, in the department's words
    asked_by         the officer's name, or the department's system
    categories       what the purpose let it learn when it asked
    """

    __tablename__ = "credit_checks"
    __table_args__ = (Index("ix_credit_checks_department_code_asked_at", "department_code", "asked_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    department_code: Mapped[str]
    department_name: Mapped[str]
    purpose: Mapped[str]
    purpose_name: Mapped[str]
    basis: Mapped[str]
    matter: Mapped[str]
    subject_kinds: Mapped[list[str]] = mapped_column(Json)
    categories: Mapped[list[str]] = mapped_column(Json)
    review: Mapped[bool]
    filename: Mapped[str]
    asked_by: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    rows_total: Mapped[int]
    rows_done: Mapped[int] = mapped_column(server_default="0")
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    delete_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class CheckedRow(Base):
    """One line of the file and what was found.

    row_number  as the spreadsheet shows it
    outcome     null until it has been looked at; see `states.OUTCOME_NAMES`
    reasons     the records found, in words
    review      `granted` or `withheld`, with `review_reason`, once it has been decided; `reviewed_by` whom
    """

    __tablename__ = "checked_rows"
    __table_args__ = (UniqueConstraint("check_id", "row_number"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    check_id: Mapped[UUID] = mapped_column(ForeignKey("credit_checks.id"))
    row_number: Mapped[int]
    identifier_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    subject_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("subjects.id"))
    outcome: Mapped[str | None]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    review: Mapped[str | None]
    review_reason: Mapped[str | None]
    reviewed_by: Mapped[str | None]
    reviewed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
