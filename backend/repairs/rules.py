"""The rules of repair by the date of application: see `shipped/rules.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from backend.catalogue.document import Category
from backend.months import add_months
from scoring.reading_yaml import read_yaml

Seriousness = Literal["minor", "general", "serious"]
NATIONAL = "national"
_SHIPPED = Path(__file__).parent / "shipped" / "rules.yaml"


@dataclass(frozen=True)
class SeriousnessRule:
    """Months count from the record's date; see `shipped/rules.yaml`."""

    name: str
    published: Literal["always", "when_stated"]
    shortest_months: int
    longest_months: int

    def repairable_from(self, event_on: date) -> date:
        """The first day on which a repair may be asked for, as far as publication goes."""
        return add_months(event_on, self.shortest_months)

    def published_until(self, event_on: date) -> date:
        """The last day of publication."""
        return add_months(event_on, self.longest_months)


@dataclass(frozen=True)
class Clocks:
    """Working days; see `shipped/rules.yaml`."""

    acceptance_days: int
    department_days: int
    result_days: int


@dataclass(frozen=True)
class RepairRule:
    """One version of the rules."""

    code: str
    name: str
    effective_from: date
    basis: str
    levels: Mapping[Seriousness, SeriousnessRule]
    clocks: Mapping[str, Clocks]
    seriousness: Mapping[str, Mapping[str, Seriousness]]
    proof_needed: frozenset[str]
    excluded: Mapping[str, str]

    def seriousness_of(self, category: Category, level: int) -> Seriousness | None:
        """None for what is not adverse. A negative category that the rules do not name counts as general."""
        stated = self.seriousness.get(category.code)
        if stated is None:
            return "general" if category.polarity == "negative" else None
        if 0 < level <= len(category.levels) and (found := stated.get(category.levels[level - 1].code)):
            return found
        return stated.get("*") or ("general" if category.polarity == "negative" else None)

    def clocks_in(self, jurisdiction: str) -> Clocks:
        return self.clocks.get(jurisdiction, self.clocks[NATIONAL])


def rule_on(day: date) -> RepairRule:
    """The version in force for an application of that day; before the first took effect, the first."""
    return max((rule for rule in _shipped() if rule.effective_from <= day), default=_shipped()[0], key=_effect)


def rule_of(code: str) -> RepairRule:
    return next(rule for rule in _shipped() if rule.code == code)


def _effect(rule: RepairRule) -> date:
    return rule.effective_from


@cache
def _shipped() -> Sequence[RepairRule]:
    document = read_yaml(_SHIPPED.read_text(encoding="utf-8"))
    return sorted(
        (
            RepairRule(
                code=stated["code"],
                name=stated["name"],
                effective_from=stated["effective_from"],
                basis=stated["basis"],
                levels={name: SeriousnessRule(**level) for name, level in stated["levels"].items()},
                clocks={place: Clocks(**clocks) for place, clocks in stated["clocks"].items()},
                seriousness=stated["seriousness"],
                proof_needed=frozenset(stated["proof_needed"]),
                excluded=stated["excluded"],
            )
            for stated in document
        ),
        key=_effect,
    )
