"""Days in the city: which date it is there, and the working days that statutory clocks count in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import chinese_calendar

from backend.errors import Unavailable
from scoring.reading_yaml import read_yaml

CITY_ZONE = ZoneInfo("Asia/Shanghai")
_PUBLISHED_YEARS = frozenset(day.year for day in chinese_calendar.holidays)
"""Of which the library has the State Council's arrangement."""


def utc_now() -> datetime:
    """For composition roots only; everything below them is handed the moment."""
    return datetime.now(UTC)


def start_of_day(day: date) -> datetime:
    """The moment a day begins in the city."""
    return datetime.combine(day, time(), tzinfo=CITY_ZONE)


def city_date(moment: datetime) -> date:
    """The date on the wall in the city at this moment."""
    return moment.astimezone(CITY_ZONE).date()


class CalendarYearUnknown(Exception):
    """The State Council's holiday notice for this year is not known yet; guessing a deadline is not allowed."""

    def __init__(self, year: int) -> None:
        super().__init__(
            f"no holiday arrangement is known for {year}: add it to the working-day override file "
            "once 国务院办公厅 has published it"
        )
        self.year = year


class CalendarMissing(Unavailable):
    """A deadline is never guessed: the State Council announces the holidays of a year late in the one before."""

    code = "calendar_missing"

    def __init__(self, year: int) -> None:
        super().__init__(
            f"系统还没有 {year} 年的节假日安排，暂时算不出答复期限，刚才的操作没有生效。请联系信用服务窗口。",
            year=year,
        )


@lru_cache(maxsize=20_000)
def _is_workday(day: date) -> bool:
    """The library looks through its whole table each time, and a delivery asks ten days for each of its dates."""
    return bool(chinese_calendar.is_workday(day))


_DAYS_REMEMBERED = 50_000


@dataclass(frozen=True)
class WorkingDays:
    """Chinese working days: statutory holidays off, shifted weekends on (国务院办公厅节假日安排通知).

    `overrides` maps a year to the days in it that differ from Monday-to-Friday, for years that the installed
    calendar does not know yet; `False` is a day off, `True` a working weekend.
    """

    overrides: Mapping[int, Mapping[date, bool]] = field(default_factory=dict)
    _after: dict[tuple[date, int], date] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def from_file(cls, path: Path | None) -> WorkingDays:
        """Overrides as YAML: a year, and in it `holidays` and `workdays`, lists of dates.

        Raises OSError when the file is missing, ValueError when it is malformed.
        """
        if path is None:
            return cls()
        document = read_yaml(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict):
            raise ValueError(f"{path} must map years to their days off and working weekends")
        overrides: dict[int, dict[date, bool]] = {}
        for year, days in document.items():
            stated = {
                **dict.fromkeys(days.get("holidays", []), False),
                **dict.fromkeys(days.get("workdays", []), True),
            }
            if strange := [day for day in stated if not isinstance(day, date) or day.year != year]:
                raise ValueError(f"{path}: not dates of {year}: {strange}")
            overrides[int(year)] = stated
        return cls(overrides=overrides)

    def is_working(self, day: date) -> bool:
        """Raises CalendarYearUnknown rather than guess."""
        if day.year in self.overrides:
            return self.overrides[day.year].get(day, day.weekday() < 5)
        if day.year not in _PUBLISHED_YEARS:
            raise CalendarYearUnknown(day.year)
        return _is_workday(day)

    def after(self, day: date, count: int) -> date:
        """The last day of a clock of `count` working days that starts the day after `day`."""
        if count < 0:
            raise ValueError("a clock cannot run backwards")
        # Deliveries ask for the same few thousand days again and again.
        end = self._after.get((day, count))
        if end is None:
            end, left = day, count
            while left:
                end += timedelta(days=1)
                left -= self.is_working(end)
            if len(self._after) < _DAYS_REMEMBERED:
                self._after[day, count] = end
        return end

    def due_after(self, day: date, count: int) -> date:
        """The same for whoever is told the day. Raises CalendarMissing."""
        try:
            return self.after(day, count)
        except CalendarYearUnknown as unknown:
            raise CalendarMissing(unknown.year) from None
