"""Who looked at whom (谁查了我): an append-only ledger, sealed into signed segments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, BigId, Json, UtcDateTime


class LedgerSegment(Base):
    """A run of entries whose digests are chained to the previous segment and signed.

    head = SHA-256(previous_head ‖ digest₁ ‖ … ‖ digestₙ), entries in the order of their ids. The signature
    (Ed25519) covers number, entry count and head, so a segment can neither be altered, cut short nor moved.
    """

    __tablename__ = "ledger_segments"

    number: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    entry_count: Mapped[int]
    previous_head: Mapped[bytes] = mapped_column(LargeBinary)
    head: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LedgerEntry(Base):
    """One access to one subject's data: when, who, on what basis, what and why (PIPL art. 56)."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        Index("ix_ledger_entries_subject_id_id", "subject_id", "id"),
        Index(
            "ix_ledger_entries_unsealed",
            "id",
            postgresql_where=text("segment IS NULL"),
            sqlite_where=text("segment IS NULL"),
        ),
        Index("ix_ledger_entries_segment", "segment"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_kind: Mapped[str]
    actor_id: Mapped[str]
    actor_name: Mapped[str]
    action: Mapped[str]
    basis: Mapped[str]
    purpose: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
    channel: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    segment: Mapped[int | None] = mapped_column(BigId, ForeignKey("ledger_segments.number"))
