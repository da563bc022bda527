from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.city_calendar import CalendarYearUnknown, WorkingDays, city_date

known_days = st.dates(date(2020, 1, 1), date(2025, 11, 30))


def test_a_clock_of_three_working_days_skips_the_national_holiday():
    # 2025: 1 to 8 October off; 28 September (Sunday) and 11 October (Saturday) worked instead.
    assert WorkingDays().after(date(2025, 9, 30), 3) == date(2025, 10, 11)


def test_a_shifted_working_weekend_counts():
    assert WorkingDays().is_working(date(2025, 9, 28))


@given(known_days, st.integers(1, 20))
def test_a_clock_always_ends_on_a_working_day_and_counts_exactly_its_days(start, count):
    calendar = WorkingDays()
    end = calendar.after(start, count)
    between = [date.fromordinal(day) for day in range(start.toordinal() + 1, end.toordinal() + 1)]
    assert calendar.is_working(end)
    assert sum(calendar.is_working(day) for day in between) == count


def test_a_year_without_a_holiday_notice_is_an_error_and_not_a_guess():
    with pytest.raises(CalendarYearUnknown) as refusal:
        WorkingDays().after(date(2190, 12, 30), 3)
    assert refusal.value.year == 2190


def test_an_override_makes_a_year_known():
    spring_festival = date(2190, 2, 1)
    calendar = WorkingDays(overrides={2190: {spring_festival: False}})
    assert spring_festival.weekday() < 5
    assert not calendar.is_working(spring_festival)


def test_the_date_in_the_city_changes_at_its_own_midnight():
    assert city_date(datetime(2026, 3, 3, 15, 59, tzinfo=UTC)) == date(2026, 3, 3)
    assert city_date(datetime(2026, 3, 3, 16, 0, tzinfo=UTC)) == date(2026, 3, 4)


def test_the_next_years_holidays_are_read_from_a_file(tmp_path):
    file = tmp_path / "days.yaml"
    file.write_text("2190:\n  holidays: [2190-02-01]\n  workdays: [2190-02-06]\n", encoding="utf-8")
    calendar = WorkingDays.from_file(file)
    assert not calendar.is_working(date(2190, 2, 1))
    assert calendar.is_working(date(2190, 2, 6))


@pytest.mark.parametrize("content", ["[]", "2190:\n  holidays: [2191-02-01]", "2190:\n  holidays: [spring]"])
def test_a_malformed_holiday_file_is_refused_and_not_half_read(tmp_path, content):
    file = tmp_path / "days.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"days\.yaml"):
        WorkingDays.from_file(file)
