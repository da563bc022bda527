"""Whole days since 1970-01-01, and the one rule by which a span is added to a day.

Every date in the arithmetic is such a day number. A span is calendar months or plain days; adding months
keeps the day of the month, and where the target month is shorter takes its last day (29 February plus one
year is 28 February), as PostgreSQL, DuckDB and Chinese practice with terms (以月、年计算的期间) do.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

NO_DAY = -(2**31)
"""Stands for "no such day" in day columns: still continuing, not performed, or not applicable."""

FIRST_DAY = NO_DAY + 1
"""Boundary that every real day reaches: an unlimited window."""

_EPOCH = date(1970, 1, 1).toordinal()
_LATEST = date.max.toordinal() - _EPOCH


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time, either calendar months or days; the other one is zero."""

    months: int = 0
    days: int = 0

    def __str__(self) -> str:
        if self.days:
            return f"{self.days} 天"
        if self.months % 12 == 0:
            return f"{self.months // 12} 年"
        return f"{self.months} 个月"


def to_day(value: date) -> int:
    """Day number of a date."""
    return value.toordinal() - _EPOCH


def to_date(day: int) -> date:
    """Date of a day number; raises ValueError outside years 1 to 9999."""
    return date.fromordinal(day + _EPOCH)


def add_span(day: int, span: Span) -> int:
    """The day on which a span that starts on `day` is over. Past the year 9999 the last day there is."""
    if span.months == 0:
        return min(day + span.days, _LATEST)
    start = to_date(day)
    years, month = divmod(start.month - 1 + span.months, 12)
    year = start.year + years
    if year > date.max.year:
        return _LATEST
    return to_day(date(year, month + 1, min(start.day, monthrange(year, month + 1)[1])))


def youngest_over(as_of: int, span: Span) -> int:
    """First start day whose span is not yet over on `as_of`.

    A record counts within a span while `add_span(anchor, span) > as_of`; as `add_span` never decreases, that
    is the same as `anchor >= youngest_over(as_of, span)`, which is what the kernel compares.
    """
    if span.months == 0:
        return as_of - span.days + 1
    day = to_date(as_of)
    months = day.year * 12 + day.month - 1 - span.months
    if months < 12:
        return FIRST_DAY
    year, month = divmod(months, 12)
    boundary = to_day(date(year, month + 1, 1))
    low, high = boundary - 1, boundary + 32
    while low + 1 < high:
        middle = (low + high) // 2
        if add_span(middle, span) > as_of:
            high = middle
        else:
            low = middle
    return high
