"""The columns that every case and every step of a case has."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import BigId, Json, UtcDateTime


class Case:
    """Something that moves from state to state."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    state: Mapped[str]


class SubjectsCase(Case):
    """A case about one subject."""

    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)


class TimedCase(Case):
    """A case with a clock.

    due_on  last day of the present step; null while nobody has to act
    """

    due_on: Mapped[date | None]


class AnsweredCase(SubjectsCase, TimedCase):
    """A case about one subject that the city has to answer.

    decided_by  as the applicant reads it
    """

    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None]
    reply: Mapped[str | None]


class DepartmentsCase(AnsweredCase):
    """A case that a department decides.

    applicant_id  who acts: the person themselves, or the legal representative
    applied_by    本人 or 法定代表人
    department    who decides, with its 统一社会信用代码
    """

    applicant_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    applied_by: Mapped[str]
    department: Mapped[str]
    department_code: Mapped[str]


class CaseStep:
    """One step of a case; only ever added. `detail` holds the words that went with it."""

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    event: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
