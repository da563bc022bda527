"""What a recipient holds must go when the consent ends (PIPL art. 47): asked for, confirmed, watched over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from backend.authorizations.errors import DeletionAlreadyConfirmed, DeletionNotAsked
from backend.authorizations.models import Consent, RecipientDeletion
from backend.authorizations.terms import terms_on
from backend.city_calendar import city_date
from backend.notifications.service import Recipient, notify
from backend.partners.models import Partner

DeletionState = Literal["waiting", "overdue", "confirmed"]
WATCHED_BY = "auditor"


def ask_recipient_to_delete(session: Session, consent: Consent, *, now: datetime) -> None:
    """When a consent ends: by when, and that the recipient is to confirm it. Nothing without a recipient."""
    partner = session.get(Partner, consent.recipient_partner_id) if consent.recipient_partner_id else None
    if partner is None:
        return
    today = city_date(now)
    by = today + timedelta(days=terms_on(today).recipient_deletes_within_days)
    session.add(
        RecipientDeletion(
            consent_id=consent.id,
            partner_id=partner.id,
            subject_id=consent.subject_id,
            asked_at=now,
            due_on=by,
        )
    )
    notify(
        session,
        Recipient(partner_code=partner.code),
        kind="consent_ended",
        title="一项授权已经终止",
        body=f"授权 {consent.id}（{consent.purpose}）已终止。不得再使用依此取得的信息，"
        f"请在 {by:%Y-%m-%d} 前删除，含由此产生的数据，并确认已经删除"
        + ("（《个人信息保护法》第四十七条）。" if consent.given_by_id is None else "（授权时的约定）。"),
        about=f"consent:{consent.id}",
        now=now,
    )


def confirm_deletion(
    session: Session, *, partner_id: UUID, consent_id: UUID, statement: str, now: datetime
) -> RecipientDeletion:
    """The recipient states that what it received is deleted, and how; the citizen is told.

    Raises DeletionNotAsked, also for another recipient's consent, or DeletionAlreadyConfirmed.
    """
    asked = session.get(RecipientDeletion, consent_id)
    if asked is None or asked.partner_id != partner_id:
        raise DeletionNotAsked
    confirmed = session.execute(
        update(RecipientDeletion)
        .where(RecipientDeletion.consent_id == consent_id, RecipientDeletion.confirmed_at.is_(None))
        .values(confirmed_at=now, statement=statement.strip())
        .returning(RecipientDeletion.consent_id)
        .execution_options(synchronize_session=False)
    ).first()
    session.refresh(asked)
    if confirmed is None:
        raise DeletionAlreadyConfirmed
    consent = session.get_one(Consent, consent_id)
    notify(
        session,
        Recipient(subject_id=asked.subject_id),
        kind="recipient_deleted",
        title=f"{consent.recipient_name}确认已删除您的信息",
        body=f"原授权用于{consent.purpose}。对方说明：{asked.statement}",
        about=f"consent:{consent_id}",
        now=now,
    )
    return asked


def deletions_asked_of(session: Session, partner_id: UUID) -> Sequence[tuple[RecipientDeletion, Consent]]:
    """What a recipient still has to delete, the most urgent first."""
    return [
        (asked, consent)
        for asked, consent in session.execute(
            select(RecipientDeletion, Consent)
            .join(Consent, Consent.id == RecipientDeletion.consent_id)
            .where(RecipientDeletion.partner_id == partner_id, RecipientDeletion.confirmed_at.is_(None))
            .order_by(RecipientDeletion.due_on, RecipientDeletion.consent_id)
        )
    ]


def deletions_for(session: Session, subject_id: int) -> Mapping[UUID, RecipientDeletion]:
    """By consent, for the citizen whose data it is."""
    return {
        asked.consent_id: asked
        for asked in session.scalars(select(RecipientDeletion).where(RecipientDeletion.subject_id == subject_id))
    }


def state_of(asked: RecipientDeletion, today: date) -> DeletionState:
    if asked.confirmed_at is not None:
        return "confirmed"
    return "overdue" if asked.due_on < today else "waiting"


def deletion_queue(
    session: Session,
    *,
    state: DeletionState,
    today: date,
    after: tuple[date, UUID] | None = None,
    limit: int = 20,
) -> Sequence[tuple[RecipientDeletion, Consent]]:
    """For officers: the earliest due first. `after` is due date and consent of the last one seen."""
    query = select(RecipientDeletion, Consent).join(Consent, Consent.id == RecipientDeletion.consent_id)
    if state == "confirmed":
        query = query.where(RecipientDeletion.confirmed_at.is_not(None))
    else:
        late = RecipientDeletion.due_on < today
        query = query.where(RecipientDeletion.confirmed_at.is_(None), late if state == "overdue" else ~late)
    if after is not None:
        due, consent_id = after
        query = query.where(
            or_(
                RecipientDeletion.due_on > due,
                and_(RecipientDeletion.due_on == due, RecipientDeletion.consent_id > consent_id),
            )
        )
    found = session.execute(query.order_by(RecipientDeletion.due_on, RecipientDeletion.consent_id).limit(limit))
    return [(asked, consent) for asked, consent in found]


def watch_recipient_deletions(session: Session, *, now: datetime) -> int:
    """Tell auditors, the recipient and the citizen, once each, of a deletion that was due and is not confirmed;
    how many messages were new. Run by a worker."""
    sent = 0
    late = session.execute(
        select(RecipientDeletion, Consent, Partner)
        .join(Consent, Consent.id == RecipientDeletion.consent_id)
        .join(Partner, Partner.id == RecipientDeletion.partner_id)
        .where(RecipientDeletion.confirmed_at.is_(None), RecipientDeletion.due_on < city_date(now))
    )
    for asked, consent, partner in late:
        about = f"consent:{consent.id}"
        due = f"{asked.due_on:%Y-%m-%d}"
        told = (
            (
                Recipient(officer_role=WATCHED_BY),
                f"{partner.name}逾期未确认删除",
                f"授权终止后应于 {due} 前删除取得的信息并确认，现已逾期，请督促。",
                f"recipient_deletion:{consent.id}",
            ),
            (
                Recipient(partner_code=partner.code),
                "逾期未确认删除",
                f"授权 {consent.id} 终止后，应于 {due} 前删除取得的信息并确认，现已逾期，请立即办理。",
                about,
            ),
            (
                Recipient(subject_id=asked.subject_id),
                f"{partner.name}还没有确认删除您的信息",
                f"应于 {due} 前删除并确认，现已逾期，信用办已收到提醒，正在督促。",
                about,
            ),
        )
        for place, (recipient, title, body, leads_to) in enumerate(told):
            sent += notify(
                session,
                recipient,
                kind="recipient_deletion_overdue",
                title=title,
                body=body,
                about=leads_to,
                once_key=f"recipient_deletion_overdue:{consent.id}:{place}",
                now=now,
            )
    return sent
