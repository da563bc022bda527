"""Telling subjects, officers, partners and departments what concerns them; reading and marking it as read.

A message is a row written in the transaction of what it tells, so that nobody hears of what did not happen and
nobody fails to hear of what did. Other ways out (subscribe messages, webhooks) send on from these rows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from backend.database import insert_into
from backend.notifications.models import Notification, NotificationSetting


@dataclass(frozen=True)
class Recipient:
    """Exactly one of the three.

    `partner_code` is a partner's client_id; for a source department its 统一社会信用代码, so that it is reached
    whether it works with a system of its own or with officers in the console.
    """

    subject_id: int | None = None
    officer_role: str | None = None
    partner_code: str | None = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.subject_id, self.officer_role, self.partner_code)) != 1:
            raise ValueError("a notification has exactly one recipient")


def notify(
    session: Session,
    recipient: Recipient,
    *,
    kind: str,
    title: str,
    body: str,
    now: datetime,
    about: str | None = None,
    once_key: str | None = None,
) -> bool:
    """Write the message in the caller's transaction; False when one with this `once_key` is there already."""
    written = session.execute(
        insert_into(session, Notification)
        .values(
            subject_id=recipient.subject_id,
            officer_role=recipient.officer_role,
            partner_code=recipient.partner_code,
            kind=kind,
            title=title,
            body=body,
            about=about,
            once_key=once_key,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["once_key"])
        .returning(Notification.id)
    ).first()
    return written is not None


MAY_SWITCH_OFF = {"officer_looked": "工作人员查看我的信息时告诉我"}
"""Messages that a subject may do without, as they read it. Answers and deadlines are always told."""


def set_setting(session: Session, *, subject_id: int, kind: str, on: bool) -> None:
    """`kind` is one of MAY_SWITCH_OFF; KeyError otherwise."""
    MAY_SWITCH_OFF[kind]
    if on:
        session.execute(
            delete(NotificationSetting).where(
                NotificationSetting.subject_id == subject_id, NotificationSetting.kind == kind
            )
        )
    else:
        session.execute(
            insert_into(session, NotificationSetting)
            .values(subject_id=subject_id, kind=kind)
            .on_conflict_do_nothing(index_elements=["subject_id", "kind"])
        )


def is_switched_off(session: Session, *, subject_id: int, kind: str) -> bool:
    return bool(
        session.scalar(
            select(exists().where(NotificationSetting.subject_id == subject_id, NotificationSetting.kind == kind))
        )
    )


def notifications_of(
    session: Session, recipients: Sequence[Recipient], *, before_id: int | None = None, limit: int = 20
) -> Sequence[Notification]:
    """Newest first; an officer is several recipients, one for each role. `before_id` continues an earlier page."""
    query = select(Notification).where(_to_any_of(recipients))
    if before_id is not None:
        query = query.where(Notification.id < before_id)
    return session.scalars(query.order_by(Notification.id.desc()).limit(limit)).all()


def messages_to(
    session: Session, subject_id: int, *, before: datetime | None, about: Collection[str] = ()
) -> Sequence[Notification]:
    """What was told to this subject before a moment, if one is given, or about one of these matters (`kind:id`);
    oldest first."""
    told: list[ColumnElement[bool]] = [Notification.about.in_(about)]
    if before is not None:
        told.append(Notification.created_at < before)
    return session.scalars(
        select(Notification).where(Notification.subject_id == subject_id, or_(*told)).order_by(Notification.id)
    ).all()


def count_unread(session: Session, recipients: Sequence[Recipient]) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(Notification)
            .where(_to_any_of(recipients), Notification.read_at.is_(None))
        )
        or 0
    )


def mark_read(session: Session, recipients: Sequence[Recipient], *, up_to_id: int, now: datetime) -> int:
    """Everything up to and with that message; how many were unread. What comes later stays unread."""
    marked = session.execute(
        update(Notification)
        .where(_to_any_of(recipients), Notification.id <= up_to_id, Notification.read_at.is_(None))
        .values(read_at=now)
        .returning(Notification.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(marked)


def _to_any_of(recipients: Sequence[Recipient]) -> ColumnElement[bool]:
    return or_(*(_to(recipient) for recipient in recipients))


def _to(recipient: Recipient) -> ColumnElement[bool]:
    if recipient.subject_id is not None:
        return Notification.subject_id == recipient.subject_id
    if recipient.officer_role is not None:
        return Notification.officer_role == recipient.officer_role
    return Notification.partner_code == recipient.partner_code
