"""May this citizen have this benefit now: the scheme's conditions, then what is left of quota and budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from backend.benefits.conditions import Unmet
from backend.benefits.eligibility import Decision, decide
from backend.benefits.fact_catalogue import FactSet
from backend.benefits.facts import collect_facts
from backend.benefits.overrides import with_override
from backend.benefits.quota import PERIOD_NAMES, Quota, ceiling_is_reached, next_period_starts, period_of, used_in
from backend.benefits.scheme_document import Scheme
from backend.city_calendar import city_date
from backend.subjects.models import Subject

QUOTA = "quota"
BUDGET = "budget"


@dataclass(frozen=True)
class QuotaStanding:
    quota: Quota
    period: str
    used: int

    @property
    def is_used_up(self) -> bool:
        return self.used >= self.quota.limit


@dataclass(frozen=True)
class Entitlement:
    """`decision` is the rules' alone, or a human's who set them aside; `unmet` adds a quota or budget that is
    used up. Eligible: none.
    """

    beneficiary: Subject
    decision: Decision
    quota: QuotaStanding | None
    unmet: tuple[Unmet, ...]

    @property
    def eligible(self) -> bool:
        return not self.unmet

    @property
    def nearly(self) -> bool:
        """Everything missing is within reach: a used-up quota opens again by itself."""
        if self.decision.eligible:
            return bool(self.unmet) and all(unmet.fact == QUOTA for unmet in self.unmet)
        return self.decision.nearly


def entitlement_of(
    session: Session, scheme: Scheme, *, holder: Subject, enterprise: Subject | None, now: datetime
) -> Entitlement:
    """`enterprise` is the one the citizen acts for, when the scheme is for enterprises."""
    return entitlements_of(session, [scheme], holder=holder, enterprise=enterprise, now=now)[0]


def entitlements_of(
    session: Session, schemes: Sequence[Scheme], *, holder: Subject, enterprise: Subject | None, now: datetime
) -> Sequence[Entitlement]:
    """One for each scheme, in their order; the facts are collected once for all."""
    on = city_date(now)
    wanted: frozenset[str] = frozenset().union(*(scheme.facts for scheme in schemes))
    facts = collect_facts(session, holder=holder, enterprise=enterprise, wanted=wanted, on=on)
    return [_entitlement(session, scheme, facts, holder=holder, enterprise=enterprise) for scheme in schemes]


def _entitlement(
    session: Session, scheme: Scheme, facts: FactSet, *, holder: Subject, enterprise: Subject | None
) -> Entitlement:
    on = facts.on
    beneficiary = enterprise if scheme.audience == "enterprise" and enterprise else holder
    decision = with_override(session, scheme, decide(scheme, facts), subject_id=beneficiary.id, on=on)
    # Whoever is not eligible yet is shown the quota of the tier they would reach first.
    quota = scheme.quota_of(decision.tier or scheme.tiers[-1])
    standing = _quota_standing(session, quota, scheme, beneficiary, on)
    unmet = decision.unmet
    if decision.eligible and standing and standing.is_used_up:
        unmet += (_quota_unmet(standing, on),)
    if decision.eligible and ceiling_is_reached(session, scheme_code=scheme.code, ceiling=scheme.ceiling):
        unmet += (_BUDGET_UNMET,)
    return Entitlement(beneficiary=beneficiary, decision=decision, quota=standing, unmet=unmet)


def _quota_standing(
    session: Session, quota: Quota | None, scheme: Scheme, beneficiary: Subject, on: date
) -> QuotaStanding | None:
    if quota is None:
        return None
    period = period_of(quota.period, on)
    used = used_in(session, scheme_code=scheme.code, subject_id=beneficiary.id, period=period)
    return QuotaStanding(quota=quota, period=period, used=used)


def _quota_unmet(standing: QuotaStanding, on: date) -> Unmet:
    opens = next_period_starts(standing.quota.period, on)
    return Unmet(
        fact=QUOTA,
        reason="每个周期的使用次数有限，让更多人享受到。",
        need=f"{PERIOD_NAMES[standing.quota.period]} {standing.quota.limit} 次以内",
        have=f"本期已使用 {standing.used} 次",
        how=f"{opens:%Y-%m-%d} 起可再次使用。" if opens else "该权益的使用次数已全部用完。",
        known=True,
        shortfall=None,
    )


_BUDGET_UNMET = Unmet(
    fact=BUDGET,
    reason="该权益的总额度有限，用完为止。",
    need="方案总额度有剩余",
    have="总额度已用完",
    how="请留意方案的下一期。",
    known=True,
    shortfall=None,
)
