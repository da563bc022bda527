"""What a changed scoring policy would do to the city: to scores, and to who may have which benefit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from backend.benefits.city_facts import facts_of_city, state_of_city, subjects_of_city
from backend.benefits.city_readings import CityFacts, FactColumn, as_number
from backend.benefits.scheme_document import Audience, Scheme
from backend.benefits.schemes import schemes_in_force
from backend.benefits.simulation import NO_TIER, tiers_over_city
from backend.scores.simulation import PolicySimulation
from scoring.policy import Policy

Int64 = NDArray[np.int64]

_FACT_OF_SCORE = {"person": "score.total", "enterprise": "enterprise.evaluation"}


@dataclass(frozen=True)
class BenefitChange:
    """Of one scheme in force: how many are eligible under either policy, and how many gain and lose that.

    Enterprises are counted once with each of their legal representatives, as at the counter.
    """

    scheme: str
    name: str
    before: int
    after: int
    gained: int
    lost: int


def benefits_under(session: Session, simulated: PolicySimulation, *, on: date) -> Sequence[BenefitChange]:
    """Who would gain and who would lose, of the schemes in force on the day that read what the policy gives."""
    after = simulated.after
    fact = _FACT_OF_SCORE[after.subject_kind]
    schemes = [version.rules for version in schemes_in_force(session, on) if fact in version.rules.facts]
    cities = {
        audience: _city(session, schemes, audience, fact, on) for audience in {each.audience for each in schemes}
    }
    return [_change(scheme, fact, simulated, cities[scheme.audience]) for scheme in schemes]


@dataclass(frozen=True)
class _City:
    """Of one audience: what the conditions of all its schemes read, and whom the score is of."""

    facts: CityFacts
    scored: Int64


_kept: OrderedDict[tuple[Any, ...], _City] = OrderedDict()
_KEPT = 4
_lock = Lock()


def _city(session: Session, schemes: Sequence[Scheme], audience: Audience, fact: str, on: date) -> _City:
    """Read once for all schemes and kept: reading the city is what takes time here, and a drag changes none of it.

    Kept until a record, a consent, a choice, a relation or a red list changes, the schemes ask for something else,
    another run is published, or the day ends.
    """
    names = frozenset[str]().union(*(scheme.facts for scheme in schemes if scheme.audience == audience))
    database = str(session.get_bind().engine.url)
    key = (database, audience, fact, names, on, state_of_city(session))
    with _lock:
        if key not in _kept:
            facts, _, _ = facts_of_city(session, names, audience=audience, on=on)
            holders, enterprises = subjects_of_city(session, audience=audience, on=on)
            _kept[key] = _City(facts, enterprises if fact == "enterprise.evaluation" else holders)
            while len(_kept) > _KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
        return _kept[key]


def _change(scheme: Scheme, fact: str, simulated: PolicySimulation, city: _City) -> BenefitChange:
    under = (simulated.scores, simulated.before), (simulated.told.after, simulated.after)
    was, now = (
        tiers_over_city(
            scheme,
            _with(city.facts, fact, city.scored, result.subject, _given(fact, policy, result.total, result.grade)),
        )
        != NO_TIER
        for result, policy in under
    )
    return BenefitChange(
        scheme=scheme.code,
        name=scheme.name,
        before=int(was.sum()),
        after=int(now.sum()),
        gained=int((now & ~was).sum()),
        lost=int((was & ~now).sum()),
    )


def _given(fact: str, policy: Policy, total: Int64, grade: NDArray[np.int8]) -> Int64:
    if fact == "score.total":
        return total
    return np.array([as_number(fact, one.code) for one in policy.grades], np.int64)[grade]


def _with(facts: CityFacts, fact: str, scored: Int64, subjects: Int64, values: Int64) -> CityFacts:
    """The facts with this one as a policy gives it; of those whom the run did not score it stays as it is."""
    column = facts.columns[fact]
    place = np.searchsorted(subjects, scored)
    found = np.minimum(place, len(subjects) - 1)
    in_run = subjects[found] == scored
    columns: Mapping[str, FactColumn] = {
        **facts.columns,
        fact: FactColumn(np.where(in_run, values[found], column.values), column.known | in_run),
    }
    return replace(facts, columns=columns)
