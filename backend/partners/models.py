"""Partners, their contracts, public keys, stores and those who work there. Private keys never come here."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal, cast
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, LargeBinary, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.append_only import keep_append_only
from backend.database import Base, BigId, Json, UtcDateTime

PartnerEventName = Literal["suspend", "reinstate"]
PartnerEventCause = Literal["decided", "contract_ended", "contract_renewed"]
PartnerKind = Literal["merchant", "institution", "department"]
StaffRole = Literal["manager", "cashier"]


class Partner(Base):
    """A merchant, an institution such as a bank, or a department that may call the partner API.

    code         its OAuth `client_id`
    public_code  its unified social credit code, where it has one
    checks_per_minute  its quota of checks over the API; null for the usual one
    """

    __tablename__ = "partners"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    public_code: Mapped[str | None]
    kind: Mapped[str]  # PartnerKind
    state: Mapped[str]  # 'active' | 'suspended'
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checks_per_minute: Mapped[int | None]


class PartnerEvent(Base):
    """One time that a partner was suspended (停用) or reinstated (恢复). Rows are added, never changed.

    actor  the officer's name; `system` for what a contract's end or renewal brought
    cause  `decided` by the officer, or the contract
    """

    __tablename__ = "partner_events"
    __table_args__ = (Index("ix_partner_events_partner_id", "partner_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    event: Mapped[str]  # PartnerEventName
    cause: Mapped[str]  # PartnerEventCause
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str]


class PartnerContract(Base):
    """A contract (合同) under the published terms: accepted by the partner, countersigned by an officer.

    The database refuses every change. A partner's contracts follow each other; suspending it stops it before.

    number     the office's own file number
    ends_on    last day, included
    """

    __tablename__ = "partner_contracts"
    __table_args__ = (Index("ix_partner_contracts_partner_id", "partner_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    terms_from: Mapped[date]
    terms_digest: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    accepted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    countersigned_by: Mapped[str]
    countersigned_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PartnerKey(Base):
    """A public key (JWK, P-256) that a partner signs its client assertions with.

    kid    RFC 7638 thumbprint of the key, so the same key cannot be registered under two names
    """

    __tablename__ = "partner_keys"
    __table_args__ = (UniqueConstraint("partner_id", "kid"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    kid: Mapped[str]
    public_jwk: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str]  # 'active' | 'revoked'
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PartnerStore(Base):
    """A place where a partner serves customers (门店)."""

    __tablename__ = "partner_stores"
    __table_args__ = (UniqueConstraint("partner_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    name: Mapped[str]
    state: Mapped[str]  # 'open' | 'closed'
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PartnerStaff(Base):
    """Somebody who works at a store's counter (店员), by what the store calls them; no name, no number.

    sign_in_code_hash  SHA-256 of the one-time code that opens the scanner page on their phone; null once used
    """

    __tablename__ = "partner_staff"
    __table_args__ = (UniqueConstraint("store_id", "nickname"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    store_id: Mapped[UUID] = mapped_column(ForeignKey("partner_stores.id"))
    nickname: Mapped[str]
    role: Mapped[str]  # StaffRole
    state: Mapped[str]  # 'active' | 'suspended'
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sign_in_code_hash: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    sign_in_code_ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StaffSignIn(Base):
    """A phone on which a member of staff is signed in. Only the token's SHA-256 is kept."""

    __tablename__ = "partner_staff_sign_ins"
    __table_args__ = (Index("ix_partner_staff_sign_ins_staff_id", "staff_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("partner_staff.id"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    signed_in_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


keep_append_only(cast(Table, PartnerContract.__table__))
keep_append_only(cast(Table, PartnerEvent.__table__))
