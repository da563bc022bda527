"""Partners and their public keys. Private keys never come here."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, Json, UtcDateTime

PartnerKind = Literal["merchant", "institution", "department"]


class Partner(Base):
    """A merchant, an institution such as a bank, or a department that may call the partner API.

    code         its OAuth `client_id`
    public_code  its unified social credit code, where it has one
    """

    __tablename__ = "partners"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    public_code: Mapped[str | None]
    kind: Mapped[str]  # PartnerKind
    state: Mapped[str]  # 'active' | 'suspended'
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)


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
