"""Where a partner wants to be told, and every message that was or is to be sent there."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, Json, UtcDateTime

_WAITS = text("state = 'waiting'")


class WebhookEndpoint(Base):
    """An address of a partner's own system (回调地址).

    sealed_secret      what signs; sealed, as it must be read to sign
    sealed_old_secret  signs too until `old_secret_ends_at`, so that a rotation loses nothing
    relayed_until      notifications up to this moment have become deliveries
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (UniqueConstraint("partner_id", "url"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    url: Mapped[str]
    kinds: Mapped[list[str]] = mapped_column(Json)
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_old_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_secret_ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[str]  # 'active' | 'removed'
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    relayed_until: Mapped[datetime] = mapped_column(UtcDateTime)


class WebhookDelivery(Base):
    """One message to one endpoint. The body never changes, so every attempt says the same under the same id.

    event_id  the `webhook-id` that the receiver remembers
    state     'waiting' | 'delivered' | 'failed'
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id"),
        Index("ix_webhook_deliveries_due", "next_attempt_at", postgresql_where=_WAITS, sqlite_where=_WAITS),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoints.id"))
    event_id: Mapped[str]
    kind: Mapped[str]
    body: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
