"""What somebody has to be told, and whether they have read it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, BigId, UtcDateTime

_ONE_RECIPIENT = (
    "(CASE WHEN subject_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN officer_role IS NULL THEN 0 ELSE 1 END)"
    " + (CASE WHEN partner_code IS NULL THEN 0 ELSE 1 END) = 1"
)


class NotificationSetting(Base):
    """A kind of message that a subject does not want to get. Without a row it is sent."""

    __tablename__ = "notification_settings"

    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)


class Notification(Base):
    """A message (通知) to a subject, to the officers of one role, or to a partner or source department.

    kind       stable code of the occasion, such as `objection_answered`; clients choose an icon by it
    about      what it leads to, as `kind:id` (`objection:3f…`, `record:12`); null when it leads nowhere
    once_key   two messages with the same key are one: a reminder is sent once however often the clock looks
    body       never holds an identity number: a message may be shown on a locked screen
    """

    __tablename__ = "notifications"
    __table_args__ = (
        CheckConstraint(_ONE_RECIPIENT, name="one_recipient"),
        Index("ix_notifications_subject_id_id", "subject_id", "id"),
        Index("ix_notifications_officer_role_id", "officer_role", "id"),
        Index("ix_notifications_partner_code_id", "partner_code", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("subjects.id"))
    officer_role: Mapped[str | None]
    partner_code: Mapped[str | None]
    kind: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]
    about: Mapped[str | None]
    once_key: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
