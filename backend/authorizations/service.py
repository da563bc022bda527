"""Giving, withdrawing and looking up consents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.authorizations.errors import (
    AlreadyActivated,
    ConsentNotFound,
    ConsentNotInState,
    MinorMayNotActivate,
    NoticeOutdated,
    OnlyPersonsActivate,
    TermRequired,
)
from backend.authorizations.models import (
    Consent,
    ConsentEvent,
    ConsentEventName,
    ConsentMode,
    ConsentState,
    OAuthToken,
)
from backend.authorizations.notices import ACTIVATION_NOTICE, WRITTEN_CONSENT_NOTICE
from backend.authorizations.states import ENDED, state_after
from backend.city_calendar import city_date
from backend.database import note_change
from backend.partners.models import Partner
from backend.subjects.models import Subject
from backend.subjects.service import is_adult

LONGEST_TERM = timedelta(days=366)


def give_activation(
    session: Session,
    subject: Subject,
    *,
    notice_version: str,
    evidence: Mapping[str, Any],
    now: datetime,
) -> Consent:
    """The citizen opts in: from now on a score is computed.

    Raises OnlyPersonsActivate, MinorMayNotActivate, NoticeOutdated or AlreadyActivated.
    """
    if subject.kind != "person" or subject.status != "active":
        raise OnlyPersonsActivate
    if not is_adult(subject, city_date(now)):
        raise MinorMayNotActivate
    if notice_version != ACTIVATION_NOTICE.version:
        raise NoticeOutdated(ACTIVATION_NOTICE.version)
    if has_activated(session, subject.id):
        raise AlreadyActivated
    consent = Consent(
        subject_id=subject.id,
        kind="activation",
        recipient_name=ACTIVATION_NOTICE.controller,
        purpose=ACTIVATION_NOTICE.purpose,
        data_categories=["records", "score", "eligibility"],
        scopes=[],
        mode="until_expiry",
        notice_version=notice_version,
        evidence=dict(evidence),
        requested_at=now,
        state="requested",
    )
    session.add(consent)
    try:
        with session.begin_nested():
            session.flush()
            apply_event(session, consent, "give", actor="citizen", now=now)
    except IntegrityError:
        # Two taps at once: the unique index lets only one of them through.
        raise AlreadyActivated from None
    return consent


def give_sharing(
    session: Session,
    subject: Subject,
    *,
    recipient: Partner,
    purpose: str,
    data_categories: Sequence[str],
    scopes: Sequence[str],
    mode: ConsentMode,
    expires_at: datetime,
    notice_version: str,
    evidence: Mapping[str, Any],
    now: datetime,
) -> Consent:
    """A separate consent to give named data to one named recipient for one purpose and a limited time.

    Raises TermRequired.
    """
    if not now < expires_at <= now + LONGEST_TERM:
        raise TermRequired
    consent = Consent(
        subject_id=subject.id,
        kind="sharing",
        recipient_partner_id=recipient.id,
        recipient_name=recipient.name,
        purpose=purpose,
        data_categories=list(data_categories),
        scopes=list(scopes),
        mode=mode,
        notice_version=notice_version,
        evidence=dict(evidence),
        requested_at=now,
        expires_at=expires_at,
        state="requested",
    )
    session.add(consent)
    session.flush()
    apply_event(session, consent, "give", actor="citizen", now=now)
    return consent


def give_written_consent(
    session: Session,
    subject: Subject,
    *,
    purpose: str,
    data_categories: Sequence[str],
    evidence: Mapping[str, Any],
    now: datetime,
) -> Consent:
    """A separate written consent to collect what may be collected only so (《征信业管理条例》第十四条), until
    withdrawn. `evidence` names the version of the notice that was read, as `notice_version`.

    Raises NoticeOutdated.
    """
    notice = WRITTEN_CONSENT_NOTICE
    if evidence.get("notice_version") != notice.version:
        raise NoticeOutdated(notice.version)
    consent = Consent(
        subject_id=subject.id,
        kind="written",
        recipient_name=notice.controller,
        purpose=purpose,
        data_categories=list(data_categories),
        scopes=[],
        mode="until_expiry",
        notice_version=notice.version,
        evidence=dict(evidence),
        requested_at=now,
        state="requested",
    )
    session.add(consent)
    session.flush()
    apply_event(session, consent, "give", actor="citizen", now=now)
    return consent


def apply_event(
    session: Session,
    consent: Consent,
    event: ConsentEventName,
    *,
    actor: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Move a consent on and remember it. Of two at once, the second finds the state changed and is refused.

    Raises ConsentNotInState.
    """
    before: ConsentState = consent.state  # type: ignore[assignment]
    after = state_after(before, event)
    moments: dict[str, datetime] = {}
    if event == "give":
        moments["given_at"] = now
    if after in ENDED:
        moments["ended_at"] = now
    moved = session.execute(
        update(Consent)
        .where(Consent.id == consent.id, Consent.state == before)
        .values(state=after, **moments)
        .returning(Consent.id)
        .execution_options(synchronize_session=False)
    ).first()
    session.refresh(consent)
    if moved is None:
        raise ConsentNotInState(consent.state)
    note_change(session, f"subject:{consent.subject_id}")
    session.add(ConsentEvent(consent_id=consent.id, event=event, at=now, actor=actor, detail=dict(detail or {})))
    if after != "given":
        revoke_tokens_of(session, consent.id, now=now)


def withdraw_consent(session: Session, *, subject_id: int, consent_id: UUID, now: datetime) -> Consent:
    """One step, at once, with no reason asked (PIPL art. 15).

    With the activation, every sharing consent goes too: they rest on the score. Deleting the score itself is
    the part of the caller that knows scores (`scores.activation.leave`).

    Raises ConsentNotFound (also for another citizen's) or ConsentNotInState.
    """
    consent = session.get(Consent, consent_id)
    if consent is None or consent.subject_id != subject_id:
        raise ConsentNotFound
    apply_event(session, consent, "withdraw", actor="citizen", now=now)
    if consent.kind == "activation":
        for sharing in session.scalars(
            select(Consent).where(
                Consent.subject_id == subject_id,
                Consent.kind == "sharing",
                Consent.state.in_(("given", "paused")),
            )
        ).all():
            apply_event(
                session, sharing, "withdraw", actor="system", now=now, detail={"because": "activation_withdrawn"}
            )
    return consent


def withdraw_activation(session: Session, *, subject_id: int, now: datetime) -> Consent:
    """Raises ConsentNotFound when the citizen has not activated."""
    activation = activation_of(session, subject_id)
    if activation is None:
        raise ConsentNotFound
    return withdraw_consent(session, subject_id=subject_id, consent_id=activation.id, now=now)


def expire_due_consents(session: Session, *, now: datetime) -> int:
    """For the sweeper: end what has run out; how many. (A token on such a consent is dead already.)"""
    due = session.scalars(
        select(Consent).where(Consent.expires_at <= now, Consent.state.in_(("requested", "given", "paused")))
    ).all()
    for consent in due:
        apply_event(session, consent, "expire", actor="system", now=now)
    return len(due)


def revoke_tokens_of(session: Session, consent_id: UUID, *, now: datetime) -> None:
    """Nothing that rests on the consent works any more."""
    session.execute(
        update(OAuthToken)
        .where(OAuthToken.consent_id == consent_id, OAuthToken.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )


def activation_of(session: Session, subject_id: int) -> Consent | None:
    """The activation in force."""
    return session.scalars(
        select(Consent).where(
            Consent.subject_id == subject_id, Consent.kind == "activation", Consent.state == "given"
        )
    ).first()


def has_activated(session: Session, subject_id: int) -> bool:
    return bool(
        session.scalar(
            select(
                exists().where(
                    Consent.subject_id == subject_id, Consent.kind == "activation", Consent.state == "given"
                )
            )
        )
    )


def activated_subject_ids(session: Session) -> Sequence[int]:
    """Everyone who has opted in, by id."""
    return session.scalars(
        select(Consent.subject_id)
        .where(Consent.kind == "activation", Consent.state == "given")
        .order_by(Consent.subject_id)
    ).all()


def consents_of(session: Session, subject_id: int) -> Sequence[Consent]:
    """Newest first, ended ones included."""
    return session.scalars(
        select(Consent).where(Consent.subject_id == subject_id).order_by(Consent.requested_at.desc(), Consent.id)
    ).all()


def get_own_consent(session: Session, *, subject_id: int, consent_id: UUID) -> Consent:
    """Raises ConsentNotFound, also for another citizen's."""
    consent = session.get(Consent, consent_id)
    if consent is None or consent.subject_id != subject_id:
        raise ConsentNotFound
    return consent


def can_withdraw(consent: Consent) -> bool:
    return consent.state in ("given", "paused")
