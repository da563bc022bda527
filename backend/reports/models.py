"""Credit reports that were issued."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, BigId, UtcDateTime

Stationery = Literal["with_score", "without_score"]
SupersededBecause = Literal["newer_report", "content_changed"]

STATIONERY_NAMES: dict[Stationery, str] = {"with_score": "含评价结果", "without_score": "不含评价结果"}

_HAS_FILE = text("sealed_file IS NOT NULL")


class CreditReport(Base):
    """One signed report (信用报告). Only what ends it is ever added: superseded, or its file deleted.

    number         printed on it, e.g. XY20260303-7KQ4M2PD
    check_code     in its QR code beside the number, so that numbers cannot be tried
    masked         whether name and identifier are masked on it
    fingerprint    keyed digest of the facts it shows: other facts today mean that it is superseded
    file_sha256    of the signed PDF, hex: one changed byte is another file
    sealed_file    the signed PDF, sealed; null once its term is over or the consent it rests on has ended
    valid_to       last day
    issued_by      who printed it, as the subject reads it: 本人, or the officer's name
    """

    __tablename__ = "credit_reports"
    __table_args__ = (
        Index("ix_credit_reports_subject_id_id", "subject_id", "id"),
        Index("ix_credit_reports_with_file", "valid_to", postgresql_where=_HAS_FILE, sqlite_where=_HAS_FILE),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    check_code: Mapped[str]
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    stationery: Mapped[str]  # Stationery
    masked: Mapped[bool]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    file_sha256: Mapped[str] = mapped_column(unique=True)
    sealed_file: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    pages: Mapped[int]
    as_of: Mapped[date]
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    issued_by: Mapped[str]
    valid_to: Mapped[date]
    superseded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    superseded_because: Mapped[str | None]  # SupersededBecause
    superseded_by: Mapped[int | None] = mapped_column(BigId, ForeignKey("credit_reports.id"))
