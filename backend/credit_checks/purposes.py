"""What a credit check may be for, and what it may then learn, by date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from backend.credit_checks.errors import PurposeUnknown
from scoring.reading_yaml import read_yaml


@dataclass(frozen=True)
class Purpose:
    """See `shipped/purposes.yaml`."""

    code: str
    name: str
    basis: str
    subject_kinds: Sequence[str]
    categories: Sequence[str]
    review: bool


@dataclass(frozen=True)
class CheckRules:
    """In calendar days and rows."""

    effective_from: date
    kept_days: int
    most_rows: int
    purposes: Mapping[str, Purpose]

    def purpose(self, code: str) -> Purpose:
        """Raises PurposeUnknown."""
        if code not in self.purposes:
            raise PurposeUnknown
        return self.purposes[code]


def check_rules_on(day: date) -> CheckRules:
    """The latest that had taken effect; before the first, the first."""
    versions = _shipped()
    in_force = [version for version in versions if version.effective_from <= day] or versions[:1]
    return max(in_force, key=lambda version: version.effective_from)


@cache
def _shipped() -> Sequence[CheckRules]:
    text = files("backend.credit_checks").joinpath("shipped/purposes.yaml").read_text("utf-8")
    return [
        CheckRules(
            **{
                **version,
                "purposes": {purpose["code"]: Purpose(**purpose) for purpose in version["purposes"]},
            }
        )
        for version in read_yaml(text)
    ]
