"""What the citizen sees: what is theirs now, what is nearly, and what is not, with every reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from backend.benefits.entitlement import Entitlement, entitlements_of
from backend.benefits.scheme_document import Scheme
from backend.benefits.schemes import provider_names, schemes_in_force
from backend.benefits.ways import Way, Ways
from backend.city_calendar import city_date
from backend.subjects.models import Subject
from backend.subjects.service import enterprises_represented_by


@dataclass(frozen=True)
class BenefitStanding:
    """One scheme for the citizen, or for one enterprise that they represent.

    ways  how each unmet condition of the entitlement can be met, in their order
    """

    scheme: Scheme
    providers: Sequence[str]
    enterprise: Subject | None
    entitlement: Entitlement
    ways: Sequence[Sequence[Way]]


@dataclass(frozen=True)
class BenefitOverview:
    eligible: Sequence[BenefitStanding]
    nearly: Sequence[BenefitStanding]
    not_eligible: Sequence[BenefitStanding]


def benefits_for(session: Session, subject: Subject, now: datetime) -> BenefitOverview:
    """Every scheme in force: those for persons, and those for each enterprise the citizen represents."""
    on = city_date(now)
    schemes = schemes_in_force(session, on)
    providers = provider_names(session, {scheme.rules.code for scheme in schemes})
    enterprises = enterprises_represented_by(session, subject.id, on)
    for_persons = [scheme.rules for scheme in schemes if scheme.rules.audience == "person"]
    for_enterprises = [scheme.rules for scheme in schemes if scheme.rules.audience == "enterprise"]
    asked: list[tuple[Subject | None, Sequence[Scheme]]] = [(None, for_persons)]
    asked += [(enterprise, for_enterprises) for enterprise in enterprises]
    standings = []
    for enterprise, rules in asked:
        ways = Ways(session, holder=subject, enterprise=enterprise, today=on)
        entitlements = entitlements_of(session, rules, holder=subject, enterprise=enterprise, now=now)
        standings += [
            BenefitStanding(
                scheme=scheme,
                providers=providers[scheme.code],
                enterprise=enterprise,
                entitlement=entitlement,
                ways=[ways.to_meet(unmet) for unmet in entitlement.unmet],
            )
            for scheme, entitlement in zip(rules, entitlements, strict=True)
        ]
    return BenefitOverview(
        eligible=[one for one in standings if one.entitlement.eligible],
        nearly=[one for one in standings if one.entitlement.nearly],
        not_eligible=[one for one in standings if not one.entitlement.eligible and not one.entitlement.nearly],
    )
