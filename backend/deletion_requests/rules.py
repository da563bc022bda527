"""The dated rules of deletion requests: by when an answer is due, and what the law has kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from backend.city_calendar import CalendarYearUnknown, WorkingDays
from scoring.reading_yaml import read_yaml

_SHIPPED = Path(__file__).parent / "shipped" / "rules.yaml"


@dataclass(frozen=True)
class KeptByLaw:
    """See `shipped/rules.yaml`."""

    part: str
    name: str
    basis: str
    years: int | None
    until: str


@dataclass(frozen=True)
class DeletionRules:
    """One dated version; see `shipped/rules.yaml` for what each figure means."""

    effective_from: date
    basis: str
    reply: Mapping[str, Any]
    messages_days: int
    kept: Sequence[KeptByLaw]

    def answer_due_on(self, filed_on: date, working_days: WorkingDays) -> date:
        """The last day for an officer's answer."""
        latest = filed_on + timedelta(days=self.reply["calendar_days"])
        try:
            return min(latest, working_days.after(filed_on, self.reply["working_days"]))
        except CalendarYearUnknown:
            # The holidays are not announced yet: the calendar days are promised and hold whatever they will be.
            return latest


def rules_on(day: date) -> DeletionRules:
    """The latest that had taken effect; before the first, the first."""
    versions = _shipped()
    in_force = [version for version in versions if version.effective_from <= day] or versions[:1]
    return max(in_force, key=lambda version: version.effective_from)


@cache
def _shipped() -> Sequence[DeletionRules]:
    return [
        DeletionRules(**{**version, "kept": [KeptByLaw(**kept) for kept in version["kept"]]})
        for version in read_yaml(_SHIPPED.read_text(encoding="utf-8"))
    ]
