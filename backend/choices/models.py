"""A person's choices about categories that they may decline."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, BigId, UtcDateTime

_IN_FORCE = text("ended_at IS NULL")


class DeclinedCategory(Base):
    """A person declines to have a category recorded (拒绝记录), from `declined_at` until `ended_at`.

    Each choice is a row of its own, so that what held on which day can be told.
    """

    __tablename__ = "declined_categories"
    __table_args__ = (
        Index(
            "one_choice_in_force_per_category",
            "subject_id",
            "category",
            unique=True,
            postgresql_where=_IN_FORCE,
            sqlite_where=_IN_FORCE,
        ),
        Index(
            "ix_declined_categories_category_in_force",
            "category",
            postgresql_where=_IN_FORCE,
            sqlite_where=_IN_FORCE,
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    category: Mapped[str]
    declined_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
