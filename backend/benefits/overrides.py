"""A refusal by the rules that a human set aside (人工复核准予享受): for one subject, one scheme, until a day.

Rests on the right to have an automatic decision looked at by a human (PIPL art. 24). It replaces the scheme's
conditions, never the citizen's own activation, nor quota and budget.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.benefits.eligibility import Decision
from backend.benefits.errors import OverrideTierUnknown, OverrideTooLong
from backend.benefits.models import EligibilityOverride
from backend.benefits.scheme_document import ACTIVATED, REGISTERED, Scheme, Tier
from backend.city_calendar import city_date
from backend.database import note_change
from scoring.reading_yaml import read_yaml

_SHIPPED = Path(__file__).parent / "shipped" / "overrides.yaml"
# Consent and existence are no judgement of the rules that a human could set aside.
_NEVER_OVERRIDDEN = {ACTIVATED.fact, REGISTERED.fact}


def grant_override(
    session: Session,
    *,
    scheme: Scheme,
    subject_id: int,
    tier_code: str,
    valid_until: date,
    reason: str,
    case: str,
    granted_by: str,
    now: datetime,
) -> EligibilityOverride:
    """`valid_until` is the last day; `case` what it was decided in. The one granted last counts.

    Raises OverrideTierUnknown or OverrideTooLong.
    """
    today = city_date(now)
    longest = _longest_days(today)
    if not any(tier.code == tier_code for tier in scheme.tiers):
        raise OverrideTierUnknown
    if not today <= valid_until <= today + timedelta(days=longest):
        raise OverrideTooLong(longest)
    override = EligibilityOverride(
        scheme_code=scheme.code,
        subject_id=subject_id,
        tier=tier_code,
        valid_from=today,
        valid_until=valid_until,
        reason=reason,
        case=case,
        granted_by=granted_by,
        granted_at=now,
    )
    session.add(override)
    session.flush()
    note_change(session, f"subject:{subject_id}")
    return override


def override_in_force(
    session: Session, *, scheme_code: str, subject_id: int, on: date
) -> EligibilityOverride | None:
    """The latest granted one that has not run out."""
    return session.scalars(
        select(EligibilityOverride)
        .where(
            EligibilityOverride.scheme_code == scheme_code,
            EligibilityOverride.subject_id == subject_id,
            EligibilityOverride.valid_from <= on,
            EligibilityOverride.valid_until >= on,
        )
        .order_by(EligibilityOverride.granted_at.desc())
        .limit(1)
    ).first()


def with_override(session: Session, scheme: Scheme, decision: Decision, *, subject_id: int, on: date) -> Decision:
    """The decision as a human left it: yes, on the granted tier's terms, while an override is in force."""
    if decision.eligible or any(unmet.fact in _NEVER_OVERRIDDEN for unmet in decision.unmet):
        return decision
    override = override_in_force(session, scheme_code=scheme.code, subject_id=subject_id, on=on)
    tier = _tier(scheme, override.tier) if override else None
    if override is None or tier is None:
        return decision
    return replace(
        decision, eligible=True, tier=tier, terms=tier.terms, unmet=(), overridden_until=override.valid_until
    )


def _tier(scheme: Scheme, code: str) -> Tier | None:
    """A later version of the scheme may have dropped the tier; nothing is then granted."""
    return next((tier for tier in scheme.tiers if tier.code == code), None)


def _longest_days(on: date) -> int:
    versions = [version for version in _versions() if version[0] <= on] or _versions()[:1]
    return versions[-1][1]


@cache
def _versions() -> list[tuple[date, int]]:
    stated = read_yaml(_SHIPPED.read_text(encoding="utf-8"))
    return sorted((version["effective_from"], version["longest_days"]) for version in stated)
