"""What a joint incentive may rest on, offer and how long it may take, by date: see `shipped/rules.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from backend.joint_incentives.errors import GroundUnknown, MeasureNotOffered
from scoring.reading_yaml import read_yaml


@dataclass(frozen=True)
class Ground:
    code: str
    name: str
    red_list: str
    basis: str


@dataclass(frozen=True)
class Measure:
    code: str
    name: str
    basis: str
    subject_kinds: Sequence[str]


@dataclass(frozen=True)
class IncentiveRules:
    """`response_days` and `feedback_days` in working days, `consent_days` in calendar days."""

    effective_from: date
    response_days: int
    feedback_days: int
    most_subjects: int
    consent_days: int
    grounds: Mapping[str, Ground]
    measures: Mapping[str, Measure]

    def ground(self, code: str) -> Ground:
        """Raises GroundUnknown."""
        if code not in self.grounds:
            raise GroundUnknown
        return self.grounds[code]

    def measure(self, code: str) -> Measure:
        """Raises MeasureNotOffered."""
        if code not in self.measures:
            raise MeasureNotOffered
        return self.measures[code]


def incentive_rules_on(day: date) -> IncentiveRules:
    """The latest that had taken effect; before the first, the first."""
    versions = _shipped()
    in_force = [version for version in versions if version.effective_from <= day] or versions[:1]
    return max(in_force, key=lambda version: version.effective_from)


@cache
def _shipped() -> Sequence[IncentiveRules]:
    text = files("backend.joint_incentives").joinpath("shipped/rules.yaml").read_text("utf-8")
    return [
        IncentiveRules(
            **{
                **version,
                "grounds": {one["code"]: Ground(**one) for one in version["grounds"]},
                "measures": {one["code"]: Measure(**one) for one in version["measures"]},
            }
        )
        for version in read_yaml(text)
    ]
