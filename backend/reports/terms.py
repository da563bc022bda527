"""How long a report is valid and how long its file is kept, by the rule in force on the day of issue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from scoring.reading_yaml import read_yaml

_SHIPPED = Path(__file__).parent / "shipped" / "terms.yaml"


@dataclass(frozen=True)
class ReportTerm:
    """Days; see `shipped/terms.yaml`."""

    effective_from: date
    basis: str
    valid_days: int
    kept_days: int


def report_term_on(day: date) -> ReportTerm:
    """The latest that had taken effect; before the first one took effect, the first."""
    terms = _terms()
    return next((term for term in reversed(terms) if term.effective_from <= day), terms[0])


@cache
def _terms() -> tuple[ReportTerm, ...]:
    lines = read_yaml(_SHIPPED.read_text(encoding="utf-8"))
    return tuple(sorted((ReportTerm(**line) for line in lines), key=lambda term: term.effective_from))
