"""Applications to become a partner, and for a further contract."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, Json, UtcDateTime

_IS_FILED = text("state = 'filed'")
_IS_WAITING = text("contract_id IS NULL")


class PartnerApplication(Base):
    """An application (入驻申请). States: `states.TRANSITIONS`.

    receipt_hash    SHA-256 of the receipt with which the applicant, who has no account, looks after it
    sealed_contact  whom the office may call: name and telephone number, as JSON
    schemes         codes of the schemes it wants to offer
    public_jwk      its key, where it has a system of its own; null for the scanner page alone
    terms_digest    of the terms that were accepted by filing
    """

    __tablename__ = "partner_applications"
    __table_args__ = (
        # Two taps on a slow phone must not open two cases.
        Index(
            "one_filed_application_per_code",
            "public_code",
            unique=True,
            postgresql_where=_IS_FILED,
            sqlite_where=_IS_FILED,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    receipt_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    name: Mapped[str]
    public_code: Mapped[str]
    kind: Mapped[str]  # 'merchant' | 'institution'
    store_name: Mapped[str]
    sealed_contact: Mapped[bytes] = mapped_column(LargeBinary)
    schemes: Mapped[list[str]] = mapped_column(Json)
    public_jwk: Mapped[dict[str, Any] | None] = mapped_column(Json)
    terms_from: Mapped[date]
    terms_digest: Mapped[str]
    state: Mapped[str]
    filed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str | None]
    partner_id: Mapped[UUID | None] = mapped_column(ForeignKey("partners.id"))


class RenewalRequest(Base):
    """A partner at work wishes for a further contract (续签申请), and accepts the terms it was shown.

    asked_by     what the store calls whoever asked
    contract_id  the contract that came of it; null while it waits
    """

    __tablename__ = "partner_renewal_requests"
    __table_args__ = (
        Index(
            "one_waiting_renewal_per_partner",
            "partner_id",
            unique=True,
            postgresql_where=_IS_WAITING,
            sqlite_where=_IS_WAITING,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    terms_from: Mapped[date]
    terms_digest: Mapped[str]
    asked_by: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    contract_id: Mapped[UUID | None] = mapped_column(ForeignKey("partner_contracts.id"))
