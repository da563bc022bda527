"""Schemes and their providers, checks at the counter, redemptions, and what is used of quota and budget."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.database import Base, BigId, Json, UtcDateTime

_COMPLAINT_IS_OPEN = text("closed_at IS NULL")
SCHEME_STATES = ("draft", "simulated", "submitted", "approved")


class BenefitScheme(Base):
    """One version of a 信易+ scheme (方案). The document never changes; a change is a new version.

    digest      SHA-256 of the canonical document: taking in the same one again changes nothing
    simulation  who would gain and who would lose by it (`simulation.Simulation`), as its approver saw it
    returned_because  why the second person sent it back; null unless they did
    """

    __tablename__ = "benefit_schemes"
    __table_args__ = (UniqueConstraint("code", "version"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    code: Mapped[str]
    version: Mapped[int]
    name: Mapped[str]
    scene: Mapped[str]
    audience: Mapped[str]  # 'person' | 'enterprise'
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    budget_cents: Mapped[int | None] = mapped_column(BigInteger)
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]  # last day, included
    state: Mapped[str]  # one of SCHEME_STATES
    drafted_by: Mapped[str]
    drafted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    simulation: Mapped[dict[str, Any] | None] = mapped_column(Json)
    simulated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    submitted_by: Mapped[str | None]
    submitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    returned_because: Mapped[str | None]
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SchemeProvider(Base):
    """A partner that offers a scheme, whichever version is in force."""

    __tablename__ = "scheme_providers"

    scheme_code: Mapped[str] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"), primary_key=True)
    enrolled_at: Mapped[datetime] = mapped_column(UtcDateTime)


class BenefitCheck(Base):
    """One answer given at a counter (核验): yes or no, and on yes the terms.

    subject_id   who would have the benefit: the citizen, or the enterprise they act for
    holder_id    the citizen who showed the code
    code_shown_at  when the code was made on the phone: showing it is the citizen's consent to this one answer
    """

    __tablename__ = "benefit_checks"
    __table_args__ = (
        Index("ix_benefit_checks_subject_id_checked_at", "subject_id", "checked_at"),
        Index("ix_benefit_checks_holder_id_checked_at", "holder_id", "checked_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    scheme_id: Mapped[UUID] = mapped_column(ForeignKey("benefit_schemes.id"))
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    holder_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    eligible: Mapped[bool]
    tier: Mapped[str | None]
    terms: Mapped[dict[str, Any] | None] = mapped_column(Json)
    code_shown_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Redemption(Base):
    """A benefit used (核销). The row never changes; taking it back is a RedemptionCancellation beside it.

    period        the quota period it was taken from, e.g. `2026-11`
    bill_cents    what the customer's bill was before the benefit, where the scheme needs it
    amount_cents  what the city settles with the partner for this use
    """

    __tablename__ = "redemptions"
    __table_args__ = (Index("ix_redemptions_partner_id_redeemed_at", "partner_id", "redeemed_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    check_id: Mapped[UUID] = mapped_column(ForeignKey("benefit_checks.id"), unique=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    scheme_code: Mapped[str]
    period: Mapped[str]
    terms: Mapped[dict[str, Any]] = mapped_column(Json)
    bill_cents: Mapped[int | None] = mapped_column(BigInteger)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    redeemed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    cancellation: Mapped[RedemptionCancellation | None] = relationship(lazy="joined", uselist=False)

    @property
    def cancelled_at(self) -> datetime | None:
        return self.cancellation.cancelled_at if self.cancellation else None


class RedemptionCancellation(Base):
    """The compensating row: this redemption did not take place, and its quota went back to its own period."""

    __tablename__ = "redemption_cancellations"

    redemption_id: Mapped[UUID] = mapped_column(ForeignKey("redemptions.id"), primary_key=True)
    cancelled_at: Mapped[datetime] = mapped_column(UtcDateTime)


class QuotaUse(Base):
    """How often a subject has used a scheme in a period. Only ever changed by one conditional statement."""

    __tablename__ = "quota_uses"
    __table_args__ = (CheckConstraint("used >= 0", name="used_not_negative"),)

    scheme_code: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("subjects.id"), primary_key=True, autoincrement=False
    )
    period: Mapped[str] = mapped_column(primary_key=True)
    used: Mapped[int]


class BudgetUse(Base):
    """What a scheme has settled so far and how often it was used, over all its versions."""

    __tablename__ = "budget_uses"
    __table_args__ = (
        CheckConstraint("spent_cents >= 0", name="spent_not_negative"),
        CheckConstraint("uses >= 0", name="uses_not_negative"),
    )

    scheme_code: Mapped[str] = mapped_column(primary_key=True)
    spent_cents: Mapped[int] = mapped_column(BigInteger)
    uses: Mapped[int] = mapped_column(BigInteger, server_default="0")


class EligibilityOverride(Base):
    """A human set aside a refusal by the rules, for one subject and scheme (人工复核准予). Never changed.

    tier         code of the scheme's tier whose terms are given
    valid_until  last day, included
    case         what it was decided in, as `objection:id`
    """

    __tablename__ = "eligibility_overrides"
    __table_args__ = (Index("ix_eligibility_overrides_subject_id_scheme_code", "subject_id", "scheme_code"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    scheme_code: Mapped[str]
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    tier: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    reason: Mapped[str]
    case: Mapped[str]
    granted_by: Mapped[str]
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CounterAction(Base):
    """Which member of staff checked or redeemed or took back on the scanner page; nothing for the partner API."""

    __tablename__ = "counter_actions"

    check_id: Mapped[UUID] = mapped_column(ForeignKey("benefit_checks.id"), primary_key=True)
    action: Mapped[str] = mapped_column(primary_key=True)  # 'check' | 'redeem' | 'cancel'
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("partner_staff.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class MerchantComplaint(Base):
    """A citizen's complaint about how a merchant handled one check (投诉商户). States: `complaints.TRANSITIONS`.

    check_id   which also says the scheme and the moment
    answer     the officer's, to the citizen; null until the case is closed by one
    """

    __tablename__ = "merchant_complaints"
    __table_args__ = (
        # Two taps on a slow phone must not open two cases.
        Index(
            "one_open_complaint_per_check",
            "check_id",
            unique=True,
            postgresql_where=_COMPLAINT_IS_OPEN,
            sqlite_where=_COMPLAINT_IS_OPEN,
        ),
        Index("ix_merchant_complaints_holder_id", "holder_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    check_id: Mapped[UUID] = mapped_column(ForeignKey("benefit_checks.id"))
    holder_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    what: Mapped[str]
    state: Mapped[str]
    filed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    handled_by: Mapped[str | None]
    answer: Mapped[str | None]
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
