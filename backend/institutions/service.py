"""Sending a loan referral to a bank, and the bank's answers to it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.authorizations.errors import NoticeOutdated, TermRequired
from backend.authorizations.models import Consent
from backend.authorizations.notices import SHARING_NOTICE
from backend.authorizations.service import Asked, apply_event, decider_of, record_request, use_consent
from backend.authorizations.states import HELD
from backend.authorizations.terms import terms_on
from backend.authorizations.tokens import PartnerIdentity
from backend.benefits.entitlement import entitlement_of
from backend.benefits.scheme_document import Scheme
from backend.benefits.schemes import is_provider, scheme_in_force, schemes_in_force
from backend.city_calendar import city_date
from backend.institutions.disclosure import note_use
from backend.institutions.errors import (
    DeclineReasonMissing,
    NotALoanScheme,
    NotEntitledToLoan,
    ReferralAlreadyOpen,
    ReferralNotFound,
    ReferralStateForbids,
)
from backend.institutions.models import LoanReferral, LoanReferralEvent
from backend.institutions.states import (
    OPEN_STATES,
    STATE_NAMES,
    ReferralEventName,
    ReferralState,
    state_after,
)
from backend.notifications.service import Recipient, notify
from backend.partners.models import Partner
from backend.partners.service import find_partner, get_partner, may_act
from backend.subjects.acting import ActingFor
from backend.subjects.service import get_subject

LOAN_SCENE = "loan"
SCOPE = "referral:read"
OUTPUTS = {
    "person": "您符合这项优惠的条件，以及对应的优惠内容；不含分数、等级和记录",
    "enterprise": "企业符合这项优惠的条件，以及对应的优惠内容；不含评价等级和记录",
}
"""What the bank learns, by the scheme's audience."""
# Without 0, 1, I and O, which are misread.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True)
class ReferralView:
    """A referral as its citizen sees it: with the bank's name, and withdrawn once its consent is."""

    referral: LoanReferral
    institution: str
    state: ReferralState
    events: Sequence[LoanReferralEvent]


def send_referral(
    session: Session,
    *,
    acting: ActingFor,
    scheme_code: str,
    partner_code: str,
    days: int,
    notice_version: str,
    evidence: Mapping[str, Any],
    now: datetime,
) -> LoanReferral:
    """The citizen sends their wish for a loan, or that of the enterprise they legally represent, to a bank that
    offers the scheme, and lets it read the terms.

    Raises PartnerNotFound, SchemeNotFound, NotALoanScheme, NotEntitledToLoan, ReferralAlreadyOpen, NoticeOutdated
    or TermRequired.
    """
    if notice_version != SHARING_NOTICE.version:
        raise NoticeOutdated(SHARING_NOTICE.version)
    today = city_date(now)
    longest = terms_on(today).longest_days
    if not 1 <= days <= longest:
        raise TermRequired(longest)
    partner = find_partner(session, partner_code)
    scheme = scheme_in_force(session, scheme_code, today).rules
    if partner not in institutions_offering(session, scheme.code, now=now):
        raise NotALoanScheme
    if (scheme.audience == "enterprise") != acting.on_behalf:
        raise NotALoanScheme
    subject_id = acting.subject.id
    entitlement = entitlement_of(
        session,
        scheme,
        holder=get_subject(session, acting.person_id),
        enterprise=acting.subject if acting.on_behalf else None,
        now=now,
    )
    if not entitlement.eligible or entitlement.decision.tier is None:
        raise NotEntitledToLoan
    if (open_one := _open_referral(session, subject_id, scheme.code, partner)) is not None:
        raise ReferralAlreadyOpen(open_one.number)
    consent = record_request(
        session,
        acting,
        Asked(
            recipient=partner,
            purpose=f"办理{scheme.scene_name}：{scheme.name}",
            data_categories=["eligibility"],
            output=OUTPUTS[scheme.audience],
            scopes=[SCOPE],
            mode="until_expiry",
            longest_days=days,
            notice_version=notice_version,
        ),
        now=now,
    )
    ends = now + timedelta(days=days)
    apply_event(session, consent, "give", actor=decider_of(consent), now=now, detail=evidence, expires_at=ends)
    referral = LoanReferral(
        number=f"DK{today:%Y%m%d}-" + "".join(secrets.choice(_ALPHABET) for _ in range(8)),
        subject_id=subject_id,
        partner_id=partner.id,
        consent_id=consent.id,
        scheme_code=scheme.code,
        scheme_name=scheme.name,
        terms=dict(entitlement.decision.tier.terms),
        state="sent",
        sent_at=now,
    )
    session.add(referral)
    session.flush()
    session.add(LoanReferralEvent(referral_id=referral.id, event="send", at=now, detail={}))
    notify(
        session,
        Recipient(partner_code=partner.code),
        kind="loan_referral_sent",
        title="有企业转来一件贷款申请" if acting.on_behalf else "有市民转来一件贷款申请",
        body=f"{scheme.name}，编号 {referral.number}。",
        about=f"referral:{referral.id}",
        now=now,
    )
    return referral


def _open_referral(session: Session, subject_id: int, scheme_code: str, partner: Partner) -> LoanReferral | None:
    """One whose consent has ended no longer stands in the way: it is closed here."""
    found = session.scalars(
        select(LoanReferral)
        .where(
            LoanReferral.subject_id == subject_id,
            LoanReferral.scheme_code == scheme_code,
            LoanReferral.partner_id == partner.id,
            LoanReferral.state.in_(OPEN_STATES),
        )
        .with_for_update()
    ).first()
    if found is not None and session.get_one(Consent, found.consent_id).state not in HELD:
        found.state = "withdrawn"
        session.flush()
        return None
    return found


def institutions_offering(session: Session, scheme_code: str, *, now: datetime) -> Sequence[Partner]:
    """The institutions in business that a referral on the scheme can be sent to; none when it is no loan, or not
    in force."""
    scheme = loan_scheme(session, scheme_code, now=now)
    if scheme is None:
        return []
    return [
        partner
        for partner in session.scalars(
            select(Partner).where(Partner.kind == "institution", may_act(city_date(now))).order_by(Partner.code)
        ).all()
        if is_provider(session, scheme_code=scheme_code, partner_id=partner.id)
    ]


def loan_scheme(session: Session, scheme_code: str, *, now: datetime) -> Scheme | None:
    """The scheme in force of this code, when it is a loan, of persons or of enterprises."""
    in_force = {scheme.rules.code: scheme.rules for scheme in schemes_in_force(session, city_date(now))}
    scheme = in_force.get(scheme_code)
    return scheme if scheme is not None and scheme.scene == LOAN_SCENE else None


def referrals_of(session: Session, subject_id: int) -> Sequence[ReferralView]:
    """Of the citizen, or of the enterprise, newest first."""
    return [
        view_of(session, referral)
        for referral in session.scalars(
            select(LoanReferral)
            .where(LoanReferral.subject_id == subject_id)
            .order_by(LoanReferral.sent_at.desc(), LoanReferral.id)
        ).all()
    ]


def referrals_to(session: Session, partner_id: UUID, *, most: int) -> Sequence[LoanReferral]:
    """A bank's list, newest first: numbers and states, nothing about whom; those withdrawn are not in it."""
    return session.scalars(
        select(LoanReferral)
        .join(Consent, Consent.id == LoanReferral.consent_id)
        .where(LoanReferral.partner_id == partner_id, Consent.state.in_(HELD))
        .order_by(LoanReferral.sent_at.desc(), LoanReferral.id)
        .limit(most)
    ).all()


def read_referral(session: Session, partner: PartnerIdentity, number: str, now: datetime) -> LoanReferral:
    """The bank reads one, with its ledger row. Raises ReferralNotFound or ConsentNotUsable."""
    referral = _referral_to(session, partner, number)
    consent = use_consent(
        session, consent_id=referral.consent_id, partner_id=partner.partner_id, scope=SCOPE, now=now
    )
    note_use(session, consent, partner, action="referral_read", told=consent.output, now=now)
    return referral


def answer_referral(
    session: Session,
    partner: PartnerIdentity,
    number: str,
    *,
    event: ReferralEventName,
    reason: str | None,
    granted_cents: int | None,
    now: datetime,
) -> LoanReferral:
    """The bank tells how it stands; the citizen reads it at once, with the reason when it declined.

    Raises ReferralNotFound, ConsentNotUsable, DeclineReasonMissing or ReferralStateForbids.
    """
    referral = _referral_to(session, partner, number)
    if event == "decline" and not (reason or "").strip():
        raise DeclineReasonMissing
    consent = use_consent(
        session, consent_id=referral.consent_id, partner_id=partner.partner_id, scope=SCOPE, now=now
    )
    before: ReferralState = referral.state  # type: ignore[assignment]
    after = state_after(before, event)
    moved = session.execute(
        update(LoanReferral)
        .where(LoanReferral.id == referral.id, LoanReferral.state == before)
        .values(
            state=after,
            reason=reason if event == "decline" else None,
            granted_cents=granted_cents if event == "grant" else None,
        )
        .returning(LoanReferral.id)
        .execution_options(synchronize_session=False)
    ).first()
    session.refresh(referral)
    if moved is None:
        raise ReferralStateForbids(referral.state, STATE_NAMES[referral.state])  # type: ignore[index]
    name = STATE_NAMES[after]
    session.add(
        LoanReferralEvent(
            referral_id=referral.id, event=event, at=now, detail={"reason": reason} if reason else {}
        )
    )
    note_use(session, consent, partner, action="referral_answered", told=f"贷款申请{name}", now=now)
    notify(
        session,
        Recipient(subject_id=referral.subject_id),
        kind="loan_referral_answered",
        title=f"{partner.name}：您的贷款申请{name}",
        body=f"{referral.scheme_name}，编号 {referral.number}。"
        + (f"原因：{reason}" if event == "decline" else ""),
        about=f"referral:{referral.id}",
        now=now,
    )
    return referral


def _referral_to(session: Session, partner: PartnerIdentity, number: str) -> LoanReferral:
    referral = session.scalars(
        select(LoanReferral).where(LoanReferral.number == number, LoanReferral.partner_id == partner.partner_id)
    ).first()
    if referral is None:
        raise ReferralNotFound
    return referral


def view_of(session: Session, referral: LoanReferral) -> ReferralView:
    consent = session.get_one(Consent, referral.consent_id)
    gone = referral.state in OPEN_STATES and consent.state not in HELD
    events = session.scalars(
        select(LoanReferralEvent)
        .where(LoanReferralEvent.referral_id == referral.id)
        .order_by(LoanReferralEvent.id)
    ).all()
    state: ReferralState = "withdrawn" if gone else referral.state  # type: ignore[assignment]
    return ReferralView(referral, get_partner(session, referral.partner_id).name, state, events)
