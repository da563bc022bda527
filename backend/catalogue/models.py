"""Tables of the catalogue."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.database import Base, BigId, Json, UtcDateTime


class CatalogueVersion(Base):
    """One published version of the catalogue. Never rewritten: a change is a new version with its own date."""

    __tablename__ = "catalogue_versions"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    version: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    effective_from: Mapped[date] = mapped_column(unique=True)
    source_hash: Mapped[str]
    """SHA-256 of the imported document, hexadecimal."""
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime)

    # Loaded when asked for: the service remembers what it has read of a version.
    categories: Mapped[list[CatalogueCategory]] = relationship(
        order_by="CatalogueCategory.id", cascade="all, delete-orphan"
    )


class CatalogueCategory(Base):
    """One category 类别 of a version."""

    __tablename__ = "catalogue_categories"
    __table_args__ = (UniqueConstraint("version_id", "code"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("catalogue_versions.id"))
    code: Mapped[str]
    name: Mapped[str]
    subject_kinds: Mapped[list[str]] = mapped_column(Json)
    source_department: Mapped[str]
    source_department_code: Mapped[str]
    legal_basis: Mapped[str]
    polarity: Mapped[str]
    unit: Mapped[str]
    contents: Mapped[list[str]] = mapped_column(Json)
    """The data items a record may hold, in Chinese."""
    levels: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    """`{code, name, published_days?}`; scoring counts them from 1 in this order, 0 is none."""
    retention_days: Mapped[int | None]
    disclosure: Mapped[str]
    may_decline: Mapped[bool]
    written_consent: Mapped[bool]
    templates: Mapped[list[str]] = mapped_column(Json)


class CatalogueDraft(Base):
    """A version that waits for a second person's approval; approved, it becomes a CatalogueVersion (四眼审核).

    document     the catalogue as YAML
    proposed_by  the officer's id, or `command_line`; whoever decides is somebody else
    state        proposed → approved or rejected
    """

    __tablename__ = "catalogue_drafts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    version: Mapped[str]
    name: Mapped[str]
    effective_from: Mapped[date]
    document: Mapped[str] = mapped_column(Text)
    state: Mapped[str]
    proposed_by: Mapped[str]
    proposer_name: Mapped[str]
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None]
    decider_name: Mapped[str | None]
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decision_reason: Mapped[str | None]
