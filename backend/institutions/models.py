"""Loan referrals and what happened to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, BigId, Json, UtcDateTime

_OPEN = text("state IN ('sent', 'applied')")


class LoanReferral(Base):
    """A citizen's or enterprise's wish for a loan on a scheme's terms, sent to the bank with consent (贷款推荐).

    subject_id   the citizen, or the enterprise for which its legal representative sent it
    number       what citizen and bank know it by
    terms        of the tier that the citizen had when it was sent
    consent_id   on which the bank may read it; withdrawn, the bank may not
    reason       why the bank declined, in its own words
    granted_cents  the amount granted, when the bank says
    """

    __tablename__ = "loan_referrals"
    __table_args__ = (
        Index(
            "one_open_referral",
            "subject_id",
            "scheme_code",
            "partner_id",
            unique=True,
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        ),
        Index("ix_loan_referrals_partner_id_sent_at", "partner_id", "sent_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    consent_id: Mapped[UUID] = mapped_column(ForeignKey("consents.id"), index=True)
    scheme_code: Mapped[str]
    scheme_name: Mapped[str]
    terms: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str]  # ReferralState
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str | None]
    granted_cents: Mapped[int | None] = mapped_column(BigId)


class LoanReferralEvent(Base):
    """One step. Rows are added, never changed."""

    __tablename__ = "loan_referral_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("loan_referrals.id"), index=True)
    event: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
