"""What the web layer itself must remember: the answers already given to requests that act."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, UtcDateTime


class AnsweredRequest(Base):
    """The answer to a request with an `Idempotency-Key`, given again when the same request is retried."""

    __tablename__ = "answered_requests"

    actor: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)  # SHA-256 of method, path and body
    status: Mapped[int]
    sealed_body: Mapped[bytes] = mapped_column(LargeBinary)  # answers can hold personal data
    answered_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
