"""Who looked at whom (谁查了我): an append-only ledger, sealed into signed segments, archived when it is old."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import ForeignKey, Index, LargeBinary, Table, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.append_only import keep_append_only
from backend.database import Base, BigId, Json, UtcDateTime


class LedgerSegment(Base):
    """A run of entries whose digests are chained to the previous segment and signed.

    head = SHA-256(previous_head ‖ id₁ ‖ digest₁ ‖ … ‖ idₙ ‖ digestₙ), in the order of the ids (8 bytes each, big
    endian). The signature (Ed25519) covers number, entry count and head, so a segment can neither be altered, cut
    short nor moved.
    """

    __tablename__ = "ledger_segments"

    number: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    entry_count: Mapped[int]
    previous_head: Mapped[bytes] = mapped_column(LargeBinary)
    head: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LedgerEntry(Base):
    """One access to one subject's data: when, who, on what basis, what and why (PIPL art. 56).

    The database lets nobody change it: it enters a segment once, and leaves the table only into an archive.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        Index("ix_ledger_entries_subject_id_id", "subject_id", "id"),
        Index("ix_ledger_entries_actor_kind_actor_id_at", "actor_kind", "actor_id", "at"),
        Index(
            "ix_ledger_entries_of_officers",
            "at",
            postgresql_where=text("actor_kind = 'officer'"),
            sqlite_where=text("actor_kind = 'officer'"),
        ),
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


class ArchivedSegment(Base):
    """A segment whose entries lie in a sealed file outside the database (归档), after the years the law asks for.

    The segment's own row stays, so the chain is still whole; `verify` reads the entries back from the file.

    file_name    under the archive folder
    file_sha256  of the file as written, hexadecimal
    newest_at    moment of the newest entry in it
    basis        the rule that let it leave the database
    """

    __tablename__ = "archived_ledger_segments"

    segment: Mapped[int] = mapped_column(
        BigId, ForeignKey("ledger_segments.number"), primary_key=True, autoincrement=False
    )
    file_name: Mapped[str] = mapped_column(unique=True)
    file_sha256: Mapped[str]
    newest_at: Mapped[datetime] = mapped_column(UtcDateTime)
    basis: Mapped[str]
    archived_at: Mapped[datetime] = mapped_column(UtcDateTime)


keep_append_only(cast(Table, LedgerSegment.__table__))
keep_append_only(cast(Table, ArchivedSegment.__table__))
keep_append_only(
    cast(Table, LedgerEntry.__table__),
    may_change=("segment",),
    once=("segment",),
    deletable_if="EXISTS (SELECT 1 FROM archived_ledger_segments AS kept WHERE kept.segment = OLD.segment)",
)
