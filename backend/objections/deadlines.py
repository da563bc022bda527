"""The clocks of objections: working days, per jurisdiction, by the rule in force on the day of filing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from backend.city_calendar import CalendarMissing, CalendarYearUnknown, WorkingDays
from scoring.reading_yaml import read_yaml

DEFAULT_JURISDICTION = "shandong"
_SHIPPED = Path(__file__).parent / "shipped" / "deadlines.yaml"


class JurisdictionUnknown(Exception):
    """The configuration names a jurisdiction for which no deadlines are shipped; the message lists those known."""


@dataclass(frozen=True)
class Term:
    """All in working days; `shipped/deadlines.yaml` says from when each counts. None: no such clock."""

    effective_from: date
    basis: str
    mark_days: int
    own_days: int
    forward_days: int | None
    provider_days: int | None
    total_days: int
    extension_days: int | None
    longest_days: int
    remind_days: int


@dataclass(frozen=True)
class Deadlines:
    """`terms` are in the order of their effect."""

    jurisdiction: str
    name: str
    terms: Sequence[Term]
    working_days: WorkingDays

    def term_on(self, day: date) -> Term:
        """The latest that had taken effect; before the first one took effect, the first."""
        return max((term for term in self.terms if term.effective_from <= day), default=self.terms[0], key=_effect)

    def mark_due(self, *, filed_on: date) -> date:
        """Last day for marking the record. Raises CalendarMissing."""
        return self._after(filed_on, self.term_on(filed_on).mark_days)

    def answer_due(self, *, filed_on: date) -> date:
        """Last day for the answer while the platform looks into it itself. Raises CalendarMissing."""
        return self._after(filed_on, self.term_on(filed_on).own_days)

    def answer_due_when_forwarded(self, *, filed_on: date) -> date:
        """Last day for the answer once the source department has to verify. Raises CalendarMissing."""
        return self._after(filed_on, self.term_on(filed_on).total_days)

    def forward_due(self, *, filed_on: date) -> date | None:
        """Last day for handing it to the source department; None where no such day is set.

        Raises CalendarMissing.
        """
        days = self.term_on(filed_on).forward_days
        return None if days is None else self._after(filed_on, days)

    def provider_due(self, *, filed_on: date, forwarded_on: date) -> date:
        """Last day for the department's reply, never after the answer itself is due. Raises CalendarMissing."""
        total = self.answer_due_when_forwarded(filed_on=filed_on)
        days = self.term_on(filed_on).provider_days
        return total if days is None else min(total, self._after(forwarded_on, days))

    def extended(self, day: date, *, filed_on: date) -> date | None:
        """What a last day becomes when it is prolonged; None where the jurisdiction allows no extension.

        Raises CalendarMissing.
        """
        term = self.term_on(filed_on)
        if term.extension_days is None:
            return None
        return min(self._after(day, term.extension_days), self._after(filed_on, term.longest_days))

    def reminder_is_due(self, due_on: date, *, filed_on: date, today: date) -> bool:
        """Whether so few working days are left that whoever is to act is reminded. Raises CalendarMissing."""
        if today > due_on:
            return False
        try:
            left = working_days_left(self.working_days, today=today, due_on=due_on)
        except CalendarYearUnknown as unknown:
            raise CalendarMissing(unknown.year) from None
        return left <= self.term_on(filed_on).remind_days

    def _after(self, day: date, count: int) -> date:
        return self.working_days.due_after(day, count)


def load_deadlines(working_days: WorkingDays, jurisdiction: str = DEFAULT_JURISDICTION) -> Deadlines:
    """Raises JurisdictionUnknown."""
    shipped = _shipped()
    if jurisdiction not in shipped:
        raise JurisdictionUnknown(f"no deadlines for {jurisdiction!r}; known are {', '.join(sorted(shipped))}")
    name, terms = shipped[jurisdiction]
    return Deadlines(jurisdiction=jurisdiction, name=name, terms=terms, working_days=working_days)


def working_days_left(working_days: WorkingDays, *, today: date, due_on: date) -> int:
    """0 on the last day; negative by as many working days as the answer is late."""
    step = timedelta(days=1)
    first, last, sign = (today, due_on, 1) if today <= due_on else (due_on, today, -1)
    return sign * sum(working_days.is_working(first + step * n) for n in range(1, (last - first).days + 1))


def _effect(term: Term) -> date:
    return term.effective_from


@cache
def _shipped() -> Mapping[str, tuple[str, tuple[Term, ...]]]:
    document = read_yaml(_SHIPPED.read_text(encoding="utf-8"))
    return {
        place["code"]: (place["name"], tuple(sorted((Term(**term) for term in place["versions"]), key=_effect)))
        for place in document
    }
