"""The check at the counter (核验): the merchant learns yes or no and the terms, and nothing more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from backend.authorizations.service import hold_activation
from backend.authorizations.tokens import PartnerIdentity
from backend.benefits.codes import take_code
from backend.benefits.entitlement import entitlement_of
from backend.benefits.errors import CodeNotValid, SchemeNotFound, SchemeNotOffered, TooManyChecks
from backend.benefits.models import BenefitCheck
from backend.benefits.queued_checks import moment_of_scan
from backend.benefits.scheme_document import Scheme
from backend.benefits.schemes import SchemeInForce, is_provider, scheme_in_force
from backend.city_calendar import city_date
from backend.ephemeral import EphemeralStore
from backend.ledger.service import Actor, record_access
from backend.subjects.models import Subject
from backend.subjects.service import enterprises_represented_by, get_subject

REDEEMABLE_FOR = timedelta(minutes=10)
BASIS = "本人当场出示凭码"


@dataclass(frozen=True)
class CheckLimits:
    """How often one merchant may check one citizen. Each answer is one bit about them; a few say little."""

    most: int = 6
    window_seconds: int = 3600


@dataclass(frozen=True)
class CheckAnswer:
    """`terms` only on yes. No score, no grade, no record, no reason, no tier name."""

    check_id: UUID
    eligible: bool
    scheme_code: str
    scheme_name: str
    terms: Mapping[str, Any] | None
    expires_at: datetime

    def body(self) -> dict[str, object]:
        """The answer as it leaves over HTTP."""
        return {
            "check_id": str(self.check_id),
            "eligible": self.eligible,
            "scheme": {"code": self.scheme_code, "name": self.scheme_name},
            "terms": self.terms,
            "expires_at": self.expires_at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z",
        }


def check_benefit(
    session: Session,
    store: EphemeralStore,
    *,
    partner: PartnerIdentity,
    code: str,
    scheme_code: str,
    now: datetime,
    scan_proof: str | None = None,
    limits: CheckLimits = CheckLimits(),
) -> CheckAnswer:
    """Take the code, decide, and write the check and its ledger row in the caller's transaction.

    Every no looks the same, whether for the score, a record, the quota, or because the citizen has not
    activated. The merchant's own mistake (a scheme it does not offer) is told before the code is used up.

    `scan_proof` comes with a check that had to wait at a counter without a network. What is decided is what holds
    now, not what held when the code was scanned.

    Raises SchemeNotOffered, QueuedCheckNotSigned, QueuedCheckStale, CodeNotValid, TooManyChecks or
    StoreUnavailable.
    """
    scheme = offered_scheme(session, partner=partner, scheme_code=scheme_code, now=now)
    scanned_at = None
    if scan_proof is not None:
        scanned_at = moment_of_scan(
            session, scan_proof, partner=partner, code=code, scheme_code=scheme_code, now=now
        )
    claim = take_code(store, code, scheme_code=scheme_code, now=now, scanned_at=scanned_at)
    holder = get_subject(session, claim.holder_id)
    # Held until this answer is committed: whoever leaves meanwhile waits for it, and nothing is told afterwards.
    activation = hold_activation(session, holder.id)
    if activation is not None and activation.given_at is not None and claim.made_at < activation.given_at:
        # Made before its owner left and came back: leaving ended it.
        raise CodeNotValid
    if holder.status != "active":
        # The register has reported a death since the code was shown.
        raise CodeNotValid
    made = store.count(f"checks:{partner.partner_id}:{holder.id}", window_seconds=limits.window_seconds)
    if made > limits.most:
        raise TooManyChecks(retry_after_seconds=limits.window_seconds)

    enterprise = enterprise_acted_for(session, scheme, holder=holder, chosen=claim.enterprise_id, now=now)
    entitlement = entitlement_of(session, scheme.rules, holder=holder, enterprise=enterprise, now=now)
    tier = entitlement.decision.tier if entitlement.eligible else None
    check = BenefitCheck(
        scheme_id=scheme.id,
        partner_id=partner.partner_id,
        subject_id=entitlement.beneficiary.id,
        holder_id=holder.id,
        eligible=entitlement.eligible,
        tier=tier.code if tier else None,
        terms=dict(tier.terms) if tier else None,
        code_shown_at=claim.made_at,
        checked_at=now,
        expires_at=now + REDEEMABLE_FOR,
    )
    session.add(check)
    record_check(
        session,
        partner=partner,
        scheme=scheme.rules,
        subject_ids={holder.id, entitlement.beneficiary.id},
        tier_code=check.tier,
        now=now,
    )
    session.flush()
    return answer_of(check.id, scheme.rules, check.tier, expires_at=check.expires_at)


def answer_of(check_id: UUID, scheme: Scheme, tier_code: str | None, *, expires_at: datetime) -> CheckAnswer:
    """What the merchant is told; without a tier the answer is no."""
    return CheckAnswer(
        check_id=check_id,
        eligible=tier_code is not None,
        scheme_code=scheme.code,
        scheme_name=scheme.name,
        terms=scheme.terms_of(tier_code),
        expires_at=expires_at,
    )


def record_check(
    session: Session,
    *,
    partner: PartnerIdentity,
    scheme: Scheme,
    subject_ids: Collection[int],
    tier_code: str | None,
    now: datetime,
) -> None:
    """The ledger rows of one check: the citizen's, and that of the enterprise they act for."""
    terms = scheme.terms_of(tier_code)
    told = "不符合" if terms is None else f"符合（{terms['summary']}）"
    for subject_id in subject_ids:
        record_access(
            session,
            subject_id=subject_id,
            actor=as_actor(partner),
            action="benefit_checked",
            basis=BASIS,
            purpose=f"{scheme.scene_name}：{scheme.name}",
            detail={"scheme": scheme.code, "told": told},
            channel=partner.channel,
            now=now,
        )


def offered_scheme(
    session: Session, *, partner: PartnerIdentity, scheme_code: str, now: datetime
) -> SchemeInForce:
    """Raises SchemeNotOffered."""
    if not is_provider(session, scheme_code=scheme_code, partner_id=partner.partner_id):
        raise SchemeNotOffered
    try:
        return scheme_in_force(session, scheme_code, city_date(now))
    except SchemeNotFound:
        raise SchemeNotOffered from None


def enterprise_acted_for(
    session: Session, scheme: SchemeInForce, *, holder: Subject, chosen: int | None, now: datetime
) -> Subject | None:
    """The enterprise the citizen chose, or their only one, if they represent it today; None otherwise.

    Then the enterprise's facts are unknown, and unknown is no.
    """
    if scheme.rules.audience != "enterprise":
        return None
    represented = enterprises_represented_by(session, holder.id, city_date(now))
    if chosen is None and len(represented) == 1:
        return represented[0]
    return next((enterprise for enterprise in represented if enterprise.id == chosen), None)


def as_actor(partner: PartnerIdentity) -> Actor:
    return Actor(kind="partner", id=str(partner.partner_id), name=partner.name)
