"""Who would gain and who would lose by a version of a scheme: everyone in the city, before anyone approves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from backend.benefits.city_facts import count_in_sql, facts_of_city
from backend.benefits.city_readings import CityFacts, truth_over_city
from backend.benefits.errors import ReadingsDisagree
from backend.benefits.scheme_document import Scheme

NO_TIER = -1


@dataclass(frozen=True)
class Shift:
    """Of one group: how many there are, how many are eligible before and after, how many gain and lose that."""

    group: str
    size: int
    before: int
    after: int
    gained: int
    lost: int


@dataclass(frozen=True)
class TierShift:
    """How many have the terms of a tier; a tier that exists on one side only has nobody on the other."""

    tier: str
    name: str
    before: int
    after: int


@dataclass(frozen=True)
class Simulation:
    """`compared_with` is the version in force on the day, or None for a scheme that is new. Quotas and the budget
    are left out: they say how often, not who.
    """

    as_of: date
    compared_with: int | None
    total: Shift
    tiers: Sequence[TierShift]
    by_district: Sequence[Shift]
    by_grade: Sequence[Shift]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "as_of": self.as_of.isoformat()}


def simulate(session: Session, scheme: Scheme, *, in_force: Scheme | None, on: date) -> Simulation:
    """Decide on every subject under both versions.

    Raises ReadingsDisagree when the database, asked for the same in SQL, counts otherwise.
    """
    wanted = scheme.facts | (in_force.facts if in_force else frozenset())
    facts, districts, grades = facts_of_city(session, wanted, audience=scheme.audience, on=on)
    after = tiers_over_city(scheme, facts)
    before = tiers_over_city(in_force, facts) if in_force else np.full(facts.size, NO_TIER)
    if count_in_sql(session, scheme, on=on) != int((after != NO_TIER).sum()):
        raise ReadingsDisagree
    return Simulation(
        as_of=on,
        compared_with=in_force.version if in_force else None,
        total=_shift("全市", before, after, np.ones(facts.size, dtype=np.bool_)),
        tiers=_tier_shifts(in_force, before, scheme, after),
        by_district=_by(districts, before, after),
        by_grade=_by(grades, before, after),
    )


def tiers_over_city(scheme: Scheme, facts: CityFacts) -> NDArray[np.int64]:
    """The place of each subject's tier, as `eligibility.decide` would find it; NO_TIER where there is none."""
    meets, _ = truth_over_city(scheme.condition, facts)
    tiers = np.full(facts.size, NO_TIER, dtype=np.int64)
    for place, tier in reversed(list(enumerate(scheme.tiers))):
        reached = meets if tier.condition is None else meets & truth_over_city(tier.condition, facts)[0]
        tiers[reached] = place
    return tiers


def _by(groups: Sequence[str], before: NDArray[np.int64], after: NDArray[np.int64]) -> list[Shift]:
    names, places = np.unique(np.array(groups, dtype=np.str_), return_inverse=True)
    return [_shift(str(name), before, after, places == place) for place, name in enumerate(names)]


def _shift(group: str, before: NDArray[np.int64], after: NDArray[np.int64], of_group: NDArray[np.bool_]) -> Shift:
    was, is_now = (before != NO_TIER) & of_group, (after != NO_TIER) & of_group
    return Shift(
        group=group,
        size=int(of_group.sum()),
        before=int(was.sum()),
        after=int(is_now.sum()),
        gained=int((is_now & ~was).sum()),
        lost=int((was & ~is_now).sum()),
    )


def _tier_shifts(
    old: Scheme | None, before: NDArray[np.int64], new: Scheme, after: NDArray[np.int64]
) -> list[TierShift]:
    names = {tier.code: tier.name for tier in [*(old.tiers if old else ()), *new.tiers]}
    counts = {
        (side, tier.code): int((tiers == place).sum())
        for side, scheme, tiers in (("before", old, before), ("after", new, after))
        if scheme
        for place, tier in enumerate(scheme.tiers)
    }
    return [
        TierShift(
            tier=code, name=name, before=counts.get(("before", code), 0), after=counts.get(("after", code), 0)
        )
        for code, name in names.items()
    ]
