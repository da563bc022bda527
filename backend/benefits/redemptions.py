"""Using a benefit (核销) after a check, and taking that back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from backend.authorizations.service import hold_activation
from backend.authorizations.tokens import PartnerIdentity
from backend.benefits.checks import BASIS, as_actor, enterprise_acted_for
from backend.benefits.entitlement import entitlement_of
from backend.benefits.errors import (
    AmountRequired,
    CheckExpired,
    CheckNotFound,
    CheckNotRedeemable,
    RedeemedDifferently,
    RedemptionCancelled,
    RedemptionNotFound,
    SchemeNotFound,
)
from backend.benefits.models import BenefitCheck, BenefitScheme, Redemption, RedemptionCancellation
from backend.benefits.quota import period_of, return_quota, return_to_ceiling, take_from_ceiling, take_quota
from backend.benefits.scheme_document import Scheme
from backend.benefits.schemes import SchemeInForce, scheme_in_force
from backend.city_calendar import city_date
from backend.ledger.service import record_access
from backend.subjects.service import get_subject
from backend.webhooks.service import announce

NO_QUOTA = "unlimited"


def redeem(
    session: Session, *, partner: PartnerIdentity, check_id: UUID, bill_cents: int | None, now: datetime
) -> Redemption:
    """Use the benefit once. A second call for the same check gives the same redemption.

    Consent, conditions and terms are looked at again: what was withdrawn or changed since the check counts.
    Quota and budget are each taken by one conditional statement, so parallel redemptions never exceed them.

    Raises CheckNotFound, RedemptionCancelled, RedeemedDifferently, CheckNotRedeemable, CheckExpired or
    AmountRequired.
    """
    # The row lock makes a parallel retry wait here and then find the redemption.
    check = session.get(BenefitCheck, check_id, with_for_update=True)
    if check is None or check.partner_id != partner.partner_id:
        raise CheckNotFound
    if earlier := session.scalars(select(Redemption).where(Redemption.check_id == check_id)).first():
        if earlier.cancellation is not None:
            raise RedemptionCancelled
        if earlier.bill_cents != bill_cents:
            raise RedeemedDifferently
        return earlier
    if not check.eligible or check.tier is None or check.terms is None:
        raise CheckNotRedeemable
    if now >= check.expires_at:
        raise CheckExpired

    scheme = _same_version(session, check, now)
    holder = get_subject(session, check.holder_id)
    activation = hold_activation(session, holder.id)
    if scheme.rules.audience == "person" and not (
        activation and activation.given_at and activation.given_at <= check.checked_at
    ):
        # A check rests on the activation it was made under: leaving ends it, and coming back does not revive it.
        raise CheckNotRedeemable
    chosen = check.subject_id if scheme.rules.audience == "enterprise" else None
    enterprise = enterprise_acted_for(session, scheme, holder=holder, chosen=chosen, now=now)
    entitlement = entitlement_of(session, scheme.rules, holder=holder, enterprise=enterprise, now=now)
    if not entitlement.eligible or entitlement.decision.tier is None:
        raise CheckNotRedeemable
    if entitlement.decision.tier.code != check.tier:
        raise CheckExpired

    amount_cents = settled_amount(scheme.rules, check.terms, bill_cents)
    quota = scheme.rules.quota_of(entitlement.decision.tier)
    period = period_of(quota.period, city_date(now)) if quota else NO_QUOTA
    if quota and not take_quota(
        session,
        scheme_code=scheme.rules.code,
        subject_id=check.subject_id,
        period=period,
        limit=quota.limit,
    ):
        raise CheckNotRedeemable
    if not take_from_ceiling(
        session, scheme_code=scheme.rules.code, amount_cents=amount_cents, ceiling=scheme.rules.ceiling
    ):
        raise CheckNotRedeemable
    redemption = Redemption(
        check_id=check.id,
        partner_id=check.partner_id,
        subject_id=check.subject_id,
        scheme_code=scheme.rules.code,
        period=period,
        terms=check.terms,
        bill_cents=bill_cents,
        amount_cents=amount_cents,
        redeemed_at=now,
    )
    session.add(redemption)
    _record(session, partner, check, action="benefit_redeemed", now=now)
    session.flush()
    _announce(session, redemption, "redemption.created", now=now)
    return redemption


def cancel_redemption(
    session: Session, *, partner: PartnerIdentity, redemption_id: UUID, now: datetime
) -> Redemption:
    """Take a redemption back; its quota returns to the period it came from, its amount to the budget.

    Cancelling twice changes nothing the second time. Raises RedemptionNotFound.
    """
    redemption = session.scalars(
        select(Redemption)
        .where(Redemption.id == redemption_id, Redemption.partner_id == partner.partner_id)
        .with_for_update(of=Redemption)
    ).first()
    if redemption is None:
        raise RedemptionNotFound
    # The cancellation may have been written by whoever held the lock before us.
    session.refresh(redemption, ["cancellation"])
    if redemption.cancellation is not None:
        return redemption
    redemption.cancellation = RedemptionCancellation(redemption_id=redemption.id, cancelled_at=now)
    if redemption.period != NO_QUOTA:
        return_quota(
            session,
            scheme_code=redemption.scheme_code,
            subject_id=redemption.subject_id,
            period=redemption.period,
        )
    return_to_ceiling(session, scheme_code=redemption.scheme_code, amount_cents=redemption.amount_cents)
    check = session.get_one(BenefitCheck, redemption.check_id)
    _record(session, partner, check, action="redemption_cancelled", now=now)
    session.flush()
    _announce(session, redemption, "redemption.cancelled", now=now)
    return redemption


def _announce(session: Session, redemption: Redemption, kind: str, *, now: datetime) -> None:
    announce(
        session,
        partner_id=redemption.partner_id,
        kind=kind,
        event_id=f"{kind}-{redemption.id}",
        data={
            "redemption_id": str(redemption.id),
            "check_id": str(redemption.check_id),
            "scheme": redemption.scheme_code,
            "amount_cents": redemption.bill_cents,
            "settled_cents": redemption.amount_cents,
        },
        now=now,
    )


def redemptions_of_partner(
    session: Session, partner_id: UUID, *, before: tuple[datetime, UUID] | None = None, limit: int = 20
) -> Sequence[Redemption]:
    """Newest first; `before` is the moment and id of the last one of an earlier page."""
    query = select(Redemption).where(Redemption.partner_id == partner_id)
    if before is not None:
        query = query.where(tuple_(Redemption.redeemed_at, Redemption.id) < tuple_(*before))
    return session.scalars(query.order_by(Redemption.redeemed_at.desc(), Redemption.id.desc()).limit(limit)).all()


def settled_amount(scheme: Scheme, terms: Mapping[str, Any], bill_cents: int | None) -> int:
    """What the city settles with the partner for one use, in cents; half a cent is rounded up.

    Raises AmountRequired when the discount cannot be computed without the bill.
    """
    match scheme.settlement:
        case "none":
            return 0
        case "per_use":
            return int(terms["amount_cents"])
        case "discount":
            if bill_cents is None:
                raise AmountRequired
            off = (bill_cents * int(terms["percent_off"]) + 50) // 100
            return min(off, int(terms.get("maximum_cents", off)))
        case "amount":
            if bill_cents is None:
                raise AmountRequired
            return min(bill_cents, int(terms["amount_cents"]))


def _same_version(session: Session, check: BenefitCheck, now: datetime) -> SchemeInForce:
    code = session.get_one(BenefitScheme, check.scheme_id).code
    try:
        scheme = scheme_in_force(session, code, city_date(now))
    except SchemeNotFound:
        raise CheckExpired from None
    if scheme.id != check.scheme_id:
        raise CheckExpired
    return scheme


def _record(
    session: Session, partner: PartnerIdentity, check: BenefitCheck, *, action: str, now: datetime
) -> None:
    scheme = session.get_one(BenefitScheme, check.scheme_id)
    for subject_id in {check.holder_id, check.subject_id}:
        record_access(
            session,
            subject_id=subject_id,
            actor=as_actor(partner),
            action=action,
            basis=BASIS,
            purpose=f"{scheme.document['scene']['name']}：{scheme.name}",
            detail={"scheme": scheme.code, "told": "已核销" if action == "benefit_redeemed" else "已撤销"},
            channel=partner.channel,
            now=now,
        )
