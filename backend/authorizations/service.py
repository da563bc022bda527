"""Giving, withdrawing and looking up consents."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.authorizations.end_reasons import EndReason
from backend.authorizations.errors import (
    AlreadyActivated,
    ConsentNotFound,
    ConsentNotInState,
    ConsentNotUsable,
    MinorMayNotActivate,
    NoticeOutdated,
    OnlyPersonsActivate,
    PauseNotOffered,
    TermRequired,
)
from backend.authorizations.models import (
    Consent,
    ConsentEvent,
    ConsentEventName,
    ConsentMode,
    ConsentState,
)
from backend.authorizations.notices import ACTIVATION_NOTICE, WRITTEN_CONSENT_NOTICE
from backend.authorizations.recipient_deletions import ask_recipient_to_delete
from backend.authorizations.representation import still_speaks
from backend.authorizations.states import ENDED, HELD, state_after
from backend.authorizations.terms import terms_on
from backend.city_calendar import city_date
from backend.database import is_one_of, note_change
from backend.ledger.service import uses_of_consent
from backend.notifications.service import Recipient, notify
from backend.partners.models import Partner
from backend.subjects.acting import ActingFor
from backend.subjects.models import Subject
from backend.subjects.service import is_adult


@dataclass(frozen=True)
class Asked:
    """What a recipient asks a citizen for. Another purpose, other data or a longer term is another request.

    recipient  a partner; or in words, where departments read on this platform and get nothing delivered
    """

    recipient: Partner | str
    purpose: str
    data_categories: Sequence[str]
    output: str
    scopes: Sequence[str]
    mode: ConsentMode
    longest_days: int
    notice_version: str
    frequency_most: int | None = None
    frequency_days: int | None = None

    @property
    def recipient_name(self) -> str:
        return self.recipient if isinstance(self.recipient, str) else self.recipient.name


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
        output="本人看到信用分及其构成；商户只得知“符合”或“不符合”和应给予的待遇",
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


def request_sharing(session: Session, subject: Subject, asked: Asked, *, now: datetime) -> Consent:
    """Put a request before the citizen: nothing may be disclosed until they give it. Raises TermRequired."""
    consent = record_request(session, ActingFor(subject, subject.id, "本人"), asked, now=now)
    notify(
        session,
        Recipient(subject_id=subject.id),
        kind="consent_requested",
        title=f"{asked.recipient_name}请您授权",
        body=f"用于{asked.purpose}。同意与否由您决定，不同意不影响您办理其他任何事项。",
        about=f"consent:{consent.id}",
        now=now,
    )
    return consent


def record_request(session: Session, acting: ActingFor, asked: Asked, *, now: datetime) -> Consent:
    """What is asked, kept before it is decided; for a citizen who has it on the screen, for themselves or for the
    enterprise they legally represent. Raises TermRequired."""
    terms = terms_on(city_date(now))
    if not 1 <= asked.longest_days <= terms.longest_days:
        raise TermRequired(terms.longest_days)
    subject = acting.subject
    consent = Consent(
        subject_id=subject.id,
        given_by_id=acting.person_id if acting.on_behalf else None,
        on_behalf_of=f"{subject.public_name}（{subject.public_code}）" if acting.on_behalf else None,
        kind="sharing",
        recipient_partner_id=None if isinstance(asked.recipient, str) else asked.recipient.id,
        recipient_name=asked.recipient_name,
        purpose=asked.purpose,
        data_categories=list(asked.data_categories),
        output=asked.output,
        scopes=list(asked.scopes),
        mode=asked.mode,
        frequency_most=asked.frequency_most,
        frequency_days=asked.frequency_days,
        longest_days=asked.longest_days,
        notice_version=asked.notice_version,
        evidence={},
        requested_at=now,
        state="requested",
    )
    session.add(consent)
    session.flush()
    return consent


def held_sharing(session: Session, *, subject_id: int, partner_id: UUID) -> Sequence[Consent]:
    """The citizen's consents to this recipient that run or are paused."""
    return session.scalars(
        select(Consent).where(
            Consent.subject_id == subject_id,
            Consent.kind == "sharing",
            Consent.recipient_partner_id == partner_id,
            Consent.state.in_(HELD),
        )
    ).all()


def decide_request(
    session: Session,
    *,
    subject_id: int,
    consent_id: UUID,
    agreed: bool,
    expires_at: datetime | None,
    evidence: Mapping[str, Any],
    now: datetime,
) -> Consent:
    """The citizen gives what was asked, until a moment of their own choice within the term asked for, or refuses.

    Refusing needs no reason and has no other consequence (PIPL art. 16). The evidence is kept with the event.

    Raises ConsentNotFound, ConsentNotInState or TermRequired.
    """
    consent = get_own_consent(session, subject_id=subject_id, consent_id=consent_id)
    if not agreed:
        apply_event(session, consent, "refuse", actor="citizen", now=now, detail=evidence)
        return consent
    longest = consent.longest_days or terms_on(city_date(now)).longest_days
    if expires_at is None or not now < expires_at <= now + timedelta(days=longest):
        raise TermRequired(longest)
    apply_event(session, consent, "give", actor="citizen", now=now, detail=evidence, expires_at=expires_at)
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
    because: EndReason | None = None,
    expires_at: datetime | None = None,
) -> None:
    """Move a consent on and remember it. Of two at once, the second finds the state changed and is refused.

    Tokens look at the state whenever they are used, to read with or to get another. The recipient is told by when
    what it received must be deleted (PIPL art. 47), unless a newer consent to the same has just taken its place.
    Raises ConsentNotInState.
    """
    before: ConsentState = consent.state  # type: ignore[assignment]
    after = state_after(before, event)
    moments: dict[str, datetime] = {}
    if event == "give":
        moments["given_at"] = now
        if expires_at is not None:
            moments["expires_at"] = expires_at
    if event == "reconfirm":
        moments["reconfirmed_at"] = now
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
    kept = {**(detail or {}), **({"because": because} if because else {})}
    session.add(ConsentEvent(consent_id=consent.id, event=event, at=now, actor=actor, detail=kept))
    if before in HELD and after in ENDED and because != "renewed":
        ask_recipient_to_delete(session, consent, now=now)


def pause_consent(session: Session, *, subject_id: int, consent_id: UUID, now: datetime) -> Consent:
    """Nothing may be disclosed until the citizen resumes it. Raises ConsentNotFound, ConsentNotInState or
    PauseNotOffered."""
    return _apply_own(session, "pause", subject_id=subject_id, consent_id=consent_id, now=now)


def resume_consent(session: Session, *, subject_id: int, consent_id: UUID, now: datetime) -> Consent:
    """Raises ConsentNotFound or ConsentNotInState. A paused consent whose term is over has ended."""
    return _apply_own(session, "resume", subject_id=subject_id, consent_id=consent_id, now=now)


def reconfirm_consent(session: Session, *, subject_id: int, consent_id: UUID, now: datetime) -> Consent:
    """The citizen has seen that it still runs and wants it to. Raises ConsentNotFound or ConsentNotInState."""
    return _apply_own(session, "reconfirm", subject_id=subject_id, consent_id=consent_id, now=now)


def _apply_own(
    session: Session, event: ConsentEventName, *, subject_id: int, consent_id: UUID, now: datetime
) -> Consent:
    consent = get_own_consent(session, subject_id=subject_id, consent_id=consent_id)
    if consent.kind != "sharing":
        raise PauseNotOffered
    if consent.expires_at is not None and consent.expires_at <= now and consent.state in HELD:
        # The sweeper has not come by yet.
        raise ConsentNotInState("expired")
    apply_event(session, consent, event, actor=decider_of(consent), now=now)
    return consent


def decider_of(consent: Consent) -> str:
    """Whose steps they are in the history of the consent."""
    return "citizen" if consent.given_by_id is None else "representative"


def written_consents(session: Session, subject_ids: Collection[int]) -> frozenset[tuple[int, str]]:
    """(subject, what may be collected) of all written consents in force among these subjects."""
    found = session.execute(
        select(Consent.subject_id, Consent.data_categories).where(
            is_one_of(session, Consent.subject_id, set(subject_ids)),
            Consent.kind == "written",
            Consent.state == "given",
        )
    )
    return frozenset((subject_id, name) for subject_id, names in found for name in names)


def withdraw_consent(session: Session, *, subject_id: int, consent_id: UUID, now: datetime) -> Consent:
    """One step, at once, with no reason asked (PIPL art. 15).

    With the activation, every sharing consent goes too: they rest on the score. Deleting the score itself is
    the part of the caller that knows scores (`scores.activation.leave`).

    Raises ConsentNotFound (also for another citizen's) or ConsentNotInState.
    """
    consent = get_own_consent(session, subject_id=subject_id, consent_id=consent_id)
    apply_event(session, consent, "withdraw", actor=decider_of(consent), now=now)
    if consent.kind == "activation":
        for sharing in session.scalars(
            select(Consent).where(
                Consent.subject_id == subject_id,
                Consent.kind == "sharing",
                Consent.state.in_(("given", "paused")),
            )
        ).all():
            apply_event(session, sharing, "withdraw", actor="system", now=now, because="activation_withdrawn")
    return consent


def withdraw_activation(session: Session, *, subject_id: int, now: datetime) -> Consent:
    """Raises ConsentNotFound when the citizen has not activated."""
    activation = activation_of(session, subject_id)
    if activation is None:
        raise ConsentNotFound
    return withdraw_consent(session, subject_id=subject_id, consent_id=activation.id, now=now)


def end_consents(session: Session, subject_id: int, *, because: EndReason, now: datetime) -> int:
    """End whatever the subject agreed to or was asked for, with the tokens on it; how many.

    For those who can no longer withdraw themselves.
    """
    open_consents = session.scalars(
        select(Consent).where(
            Consent.subject_id == subject_id, Consent.state.in_(("requested", "given", "paused"))
        )
    ).all()
    for consent in open_consents:
        event: ConsentEventName = "expire" if consent.state == "requested" else "withdraw"
        apply_event(session, consent, event, actor="system", now=now, because=because)
    return len(open_consents)


def expire_due_consents(session: Session, *, now: datetime) -> int:
    """For the sweeper: end what has run out, and requests nobody decided; how many. (A token on such a consent is
    dead already.)"""
    undecided_since = now - timedelta(days=terms_on(city_date(now)).decide_within_days)
    due = session.scalars(
        select(Consent)
        .where(
            or_(
                and_(Consent.expires_at <= now, Consent.state.in_(HELD)),
                and_(Consent.requested_at <= undecided_since, Consent.state == "requested"),
            )
        )
        .order_by(Consent.id)
        .with_for_update(skip_locked=True)
    ).all()
    for consent in due:
        apply_event(session, consent, "expire", actor="system", now=now)
    return len(due)


def end_consents_of_former_representatives(session: Session, *, now: datetime) -> int:
    """For the sweeper: what was given for an enterprise by someone who no longer is its legal representative ends,
    and the enterprise, that is its representative of today, is told; how many. (It could not be used any more
    already.)"""
    today = city_date(now)
    held = session.scalars(
        select(Consent)
        .where(Consent.given_by_id.is_not(None), Consent.state.in_(("requested", *HELD)))
        .order_by(Consent.id)
        .with_for_update(skip_locked=True)
    ).all()
    over = [consent for consent in held if not still_speaks(session, consent, today)]
    for consent in over:
        event: ConsentEventName = "expire" if consent.state == "requested" else "withdraw"
        apply_event(session, consent, event, actor="system", now=now, because="no_longer_representative")
        notify(
            session,
            Recipient(subject_id=consent.subject_id),
            kind="consent_ended",
            title=f"给{consent.recipient_name}的授权已终止",
            body=f"用于{consent.purpose}。作出授权的人不再是法定代表人，授权随之终止；仍需要时请由现任法定代表人重新授权。",
            about=f"consent:{consent.id}",
            now=now,
        )
    return len(over)


def remind_of_running_consents(session: Session, *, now: datetime) -> int:
    """For the sweeper: tell citizens of consents they have not looked at for long; how many were told.

    Only of sharing: the activation is in sight whenever the score is. Each is told once for each period.
    """
    before = now - timedelta(days=terms_on(city_date(now)).reconfirm_after_days)
    since = func.coalesce(Consent.reconfirmed_at, Consent.given_at)
    told = 0
    for consent in session.scalars(
        select(Consent).where(Consent.kind == "sharing", Consent.state == "given", since <= before)
    ):
        confirmed_at = consent.reconfirmed_at or consent.given_at
        told += notify(
            session,
            Recipient(subject_id=consent.subject_id),
            kind="consent_reconfirm",
            title=f"您给{consent.recipient_name}的授权仍在生效",
            body=f"用于{consent.purpose}。请看看是否还需要；不需要时可以一步撤回。",
            about=f"consent:{consent.id}",
            once_key=f"consent_reconfirm:{consent.id}:{confirmed_at:%Y%m%d}",
            now=now,
        )
    return told


def reconfirm_due_at(consent: Consent) -> datetime | None:
    """When the citizen is reminded; None for consents that are not in force, and for the activation."""
    since = consent.reconfirmed_at or consent.given_at
    if consent.kind != "sharing" or consent.state != "given" or since is None:
        return None
    return since + timedelta(days=terms_on(city_date(since)).reconfirm_after_days)


def use_consent(session: Session, *, consent_id: UUID, partner_id: UUID, scope: str, now: datetime) -> Consent:
    """Insist that the recipient may be told what the scope covers, now, once more.

    The row stays locked until the caller's transaction ends, so that a withdrawal waits for an answer in the
    making or the answer for the withdrawal, and two askers cannot both take the last time agreed. The caller adds
    the ledger row with `detail={"consent": str(consent.id)}`: it is what later uses are counted by. A consent for
    one use ends with it.

    Raises ConsentNotUsable.
    """
    consent = session.scalars(
        select(Consent).where(Consent.id == consent_id).with_for_update().execution_options(populate_existing=True)
    ).first()
    if (
        consent is None
        or consent.recipient_partner_id != partner_id
        or consent.state != "given"
        or scope not in consent.scopes
        or (consent.expires_at is not None and consent.expires_at <= now)
        or not still_speaks(session, consent, city_date(now))
    ):
        raise ConsentNotUsable
    if consent.frequency_most is not None and consent.frequency_days is not None:
        since = now - timedelta(days=consent.frequency_days)
        if uses_of_consent(session, consent.subject_id, consent.id, since=since) >= consent.frequency_most:
            raise ConsentNotUsable
    if consent.mode == "once":
        apply_event(session, consent, "expire", actor="system", now=now, because="used_once")
    return consent


def hold_consent(session: Session, consent_id: UUID) -> Consent:
    """As it is now; it stays so until the caller's transaction ends. Who changes it with what rests on it holds it
    first, so that two who do both wait for each other in the same order."""
    return session.scalars(
        select(Consent).where(Consent.id == consent_id).with_for_update().execution_options(populate_existing=True)
    ).one()


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


def hold_activation(session: Session, subject_id: int) -> Consent | None:
    """The activation in force, which then cannot end before the caller's transaction has: whoever leaves waits for
    an answer in the making, and an answer that comes later finds no activation."""
    return session.scalars(
        select(Consent)
        .where(Consent.subject_id == subject_id, Consent.kind == "activation", Consent.state == "given")
        # Not a shared lock: PostgreSQL lets new sharers past someone who waits to leave, for as long as they come.
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).first()


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


def owner_of(session: Session, consent_id: UUID, *, among: Collection[int]) -> int:
    """Whose it is of these subjects. Raises ConsentNotFound, also for somebody else's."""
    consent = session.get(Consent, consent_id)
    if consent is None or consent.subject_id not in among:
        raise ConsentNotFound
    return consent.subject_id


def get_own_consent(session: Session, *, subject_id: int, consent_id: UUID) -> Consent:
    """Raises ConsentNotFound, also for another citizen's."""
    consent = session.get(Consent, consent_id)
    if consent is None or consent.subject_id != subject_id:
        raise ConsentNotFound
    return consent


def events_of(session: Session, consent_id: UUID) -> Sequence[ConsentEvent]:
    """Oldest first."""
    return session.scalars(
        select(ConsentEvent).where(ConsentEvent.consent_id == consent_id).order_by(ConsentEvent.id)
    ).all()


def frequency_in_words(most: int | None, days: int | None) -> str | None:
    """How often a recipient may ask; None without a limit of its own."""
    return f"每 {days} 天最多 {most} 次" if most and days else None


def can_withdraw(consent: Consent) -> bool:
    return consent.state in HELD
