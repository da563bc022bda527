"""Files that citizens and departments hand in to prove something."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, BigId, UtcDateTime


class EvidenceFile(Base):
    """A file handed in for a case (证明材料). The content lies sealed outside the database under a random name.

    subject_id  whom the case is about
    case        `kind:id` (`objection:3f…`) once it belongs to one; null while it waits to be attached
    filename    for the eye only
    media_type  of what is stored, which we made ourselves: image/jpeg or application/pdf
    sha256      of what is stored, hexadecimal
    """

    __tablename__ = "evidence_files"
    __table_args__ = (Index("ix_evidence_files_case", "case"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)
    case: Mapped[str | None]
    filename: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]  # bytes of what is stored
    pages: Mapped[int]
    sha256: Mapped[str]
    storage_name: Mapped[str] = mapped_column(unique=True)
    uploaded_by: Mapped[str]
    uploaded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class EvidenceRemoval(Base):
    """A sealed file whose row was deleted in a transaction: the worker takes the file itself away afterwards, so
    that a transaction that fails loses nothing."""

    __tablename__ = "evidence_removals"

    storage_name: Mapped[str] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
