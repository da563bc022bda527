"""Joint incentives, whom each is for, which departments were asked, and what was done for whom."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.cases.models import CaseStep, TimedCase
from backend.database import Base, BigId, Json, UtcDateTime

ON_THE_CLOCK = text("state IN ('asked', 'accepted')")


class JointIncentive(Base):
    """One initiative (联合激励).

    ground          why, a code of the rules in force when it was initiated, with its name and legal basis
    matter          what it is about in the initiator's words; subjects read it
    measures        codes of what is offered to be done
    initiator_code  the department's 统一社会信用代码; null: the credit office
    initiated_by    the officer's name, or the department's system
    """

    __tablename__ = "joint_incentives"
    __table_args__ = (Index("ix_joint_incentives_initiator_code_initiated_at", "initiator_code", "initiated_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    ground: Mapped[str]
    ground_name: Mapped[str]
    basis: Mapped[str]
    matter: Mapped[str]
    measures: Mapped[list[str]] = mapped_column(Json)
    initiator_code: Mapped[str | None]
    initiator: Mapped[str]
    initiated_by: Mapped[str]
    initiated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class IncentiveSubject(Base):
    """Whom it is for. `consent_id`: a natural person's own consent, without which no department learns of them."""

    __tablename__ = "incentive_subjects"
    __table_args__ = (UniqueConstraint("incentive_id", "subject_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    incentive_id: Mapped[UUID] = mapped_column(ForeignKey("joint_incentives.id"))
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)
    consent_id: Mapped[UUID | None] = mapped_column(ForeignKey("consents.id"))


class IncentiveRequest(TimedCase, Base):
    """One department that was asked.

    state     RequestState
    due_on    last working day of the present step: to respond, then to feed back
    measures  codes of what it accepted to do
    reply     its reason for declining, or its words on closing; for the initiator, never for the subjects
    """

    __tablename__ = "incentive_requests"
    __table_args__ = (
        UniqueConstraint("incentive_id", "department_code"),
        Index(
            "ix_incentive_requests_queue",
            "due_on",
            "id",
            postgresql_where=ON_THE_CLOCK,
            sqlite_where=ON_THE_CLOCK,
        ),
        Index("ix_incentive_requests_department_code_state", "department_code", "state"),
    )

    incentive_id: Mapped[UUID] = mapped_column(ForeignKey("joint_incentives.id"))
    department_code: Mapped[str]
    department: Mapped[str]
    measures: Mapped[list[str]] = mapped_column(Json)
    reply: Mapped[str | None]
    responded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class IncentiveRequestEvent(CaseStep, Base):
    """One step of a request; `event` is `ask` or RequestEventName."""

    __tablename__ = "incentive_request_events"

    request_id: Mapped[UUID] = mapped_column(ForeignKey("incentive_requests.id"), index=True)


class IncentiveDeed(Base):
    """What a department did for one subject. `text` is its own words, which the subject reads."""

    __tablename__ = "incentive_deeds"
    __table_args__ = (UniqueConstraint("request_id", "subject_id", "measure"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("incentive_requests.id"))
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)
    measure: Mapped[str]
    measure_name: Mapped[str]
    basis: Mapped[str]
    text: Mapped[str]
    done_on: Mapped[date]
    fed_back_at: Mapped[datetime] = mapped_column(UtcDateTime)
    fed_back_by: Mapped[str]
