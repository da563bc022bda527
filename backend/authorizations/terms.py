"""How long consents may run, when citizens are reminded of them, and when a recipient must have deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from scoring.reading_yaml import read_yaml

_SHIPPED = Path(__file__).parent / "shipped" / "terms.yaml"


@dataclass(frozen=True)
class ConsentTerms:
    """All in calendar days; see `shipped/terms.yaml`."""

    effective_from: date
    basis: str
    longest_days: int
    decide_within_days: int
    reconfirm_after_days: int
    recipient_deletes_within_days: int


def terms_on(day: date) -> ConsentTerms:
    """The latest that had taken effect; before the first, the first."""
    versions = _shipped()
    in_force = [version for version in versions if version.effective_from <= day] or versions[:1]
    return max(in_force, key=lambda version: version.effective_from)


@cache
def _shipped() -> Sequence[ConsentTerms]:
    return [ConsentTerms(**version) for version in read_yaml(_SHIPPED.read_text(encoding="utf-8"))]
