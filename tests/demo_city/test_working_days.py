"""The demo city goes on at the end of a year, when the next year's holidays are not published yet."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from backend.city_calendar import CalendarMissing, WorkingDays
from backend.config import load_config
from command_line import demo

UNPUBLISHED = datetime(2090, 12, 20, 2, tzinfo=UTC)


@pytest.fixture
def in_another_year(environment_file, monkeypatch):
    monkeypatch.delenv("OSMANTHUS_WORKING_DAYS_FILE", raising=False)

    def start_on(now: datetime) -> WorkingDays:
        monkeypatch.setattr(demo, "utc_now", lambda: now)
        demo.count_unpublished_years()
        config = load_config({"OSMANTHUS_ENV_FILE": str(environment_file)})
        return WorkingDays.from_file(config.working_days_file)

    return start_on


def test_a_clock_that_ends_in_an_unpublished_year_counts_monday_to_friday(in_another_year):
    days = in_another_year(UNPUBLISHED)
    # Wednesday the 20th; ten days on it is Thursday the 4th, as New Year's Day is a holiday.
    assert days.due_after(date(2090, 12, 20), 10) == date(2091, 1, 4)
    assert in_another_year(UNPUBLISHED).due_after(date(2090, 12, 20), 10) == date(2091, 1, 4)


def test_published_years_are_left_to_their_notice(in_another_year):
    days = in_another_year(datetime(2024, 6, 1, tzinfo=UTC))
    assert days.overrides == {}
    with pytest.raises(CalendarMissing):
        days.due_after(date(2090, 12, 20), 10)
