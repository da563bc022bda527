"""Where eligibility is decided: one scheme, one set of facts, yes or no with every unmet condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from backend.benefits.conditions import Unmet, evaluate, unmet_conditions
from backend.benefits.fact_catalogue import FactSet
from backend.benefits.scheme_document import Scheme, Tier


@dataclass(frozen=True)
class Decision:
    """`tier` and `terms` on yes, `unmet` (never empty) on no.

    `overridden_until` is set when a human said yes where the rules had said no; see `overrides.py`.
    """

    eligible: bool
    tier: Tier | None
    terms: Mapping[str, Any] | None
    unmet: tuple[Unmet, ...]
    overridden_until: date | None = None

    @property
    def nearly(self) -> bool:
        """Not eligible, and everything that is missing is within reach soon."""
        return not self.eligible and all(unmet.within_reach for unmet in self.unmet)


def decide(scheme: Scheme, facts: FactSet) -> Decision:
    """The first tier whose conditions are true gives the terms; unknown is not true.

    When no tier is reached, the way to the easiest (the last) is told.
    """
    unmet = unmet_conditions(scheme.condition, facts)
    if not unmet:
        for tier in scheme.tiers:
            if tier.condition is None or evaluate(tier.condition, facts) is True:
                return Decision(eligible=True, tier=tier, terms=tier.terms, unmet=())
    if easiest := scheme.tiers[-1].condition:
        unmet = tuple(dict.fromkeys(unmet + unmet_conditions(easiest, facts)))
    return Decision(eligible=False, tier=None, terms=None, unmet=unmet)
