"""Commitments that were signed here, and what happened to each. Collected ones are records alone."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.cases.models import CaseStep, SubjectsCase
from backend.database import Base, BigId, UtcDateTime

STILL_OPEN = text("state = 'signed'")


class Commitment(SubjectsCase, Base):
    """A commitment (信用承诺) as it was signed: by whom, when, in which words.

    state           CommitmentState
    code            承诺编码: what ties it to the record that its outcome becomes
    text_sha256     of the letter the signer saw and agreed to, hexadecimal
    account_id      the account that signed
    signed_by       本人 or 法定代表人
    accepted_by     the unit that took it, with its 统一社会信用代码
    about           the case within which it was signed (`repair:3f…`); null when it was signed by itself
    due_on          when fulfilment is looked at
    record_id       the record of its outcome, once there is one
    finding         what was found about its fulfilment, as the signer reads it
    """

    __tablename__ = "commitments"
    __table_args__ = (
        Index("ix_commitments_subject_id_id", "subject_id", "id"),
        Index("ix_commitments_due", "due_on", postgresql_where=STILL_OPEN, sqlite_where=STILL_OPEN),
        Index("ix_commitments_about", "about"),
    )

    code: Mapped[str] = mapped_column(unique=True)
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    type: Mapped[str]  # code of a CommitmentType
    matter: Mapped[str]
    text: Mapped[str]
    liability: Mapped[str]
    text_sha256: Mapped[str]
    account_id: Mapped[UUID]
    signed_by: Mapped[str]
    signer_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    signed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    accepted_by: Mapped[str]
    accepted_by_code: Mapped[str]
    about: Mapped[str | None]
    due_on: Mapped[date]
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None]
    finding: Mapped[str | None]
    record_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("credit_records.id"), index=True)


class CommitmentEvent(CaseStep, Base):
    """One step of a commitment; `event` is `sign` or CommitmentEventName."""

    __tablename__ = "commitment_events"

    commitment_id: Mapped[UUID] = mapped_column(ForeignKey("commitments.id"), index=True)
