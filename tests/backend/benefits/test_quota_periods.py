from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.benefits.quota import PERIOD_NAMES, next_period_starts, period_of


@pytest.mark.parametrize(
    ("period", "on", "name", "next_start"),
    [
        ("day", date(2026, 2, 28), "2026-02-28", date(2026, 3, 1)),
        ("week", date(2026, 3, 1), "2026-W09", date(2026, 3, 2)),
        ("week", date(2027, 1, 3), "2026-W53", date(2027, 1, 4)),
        ("month", date(2026, 12, 31), "2026-12", date(2027, 1, 1)),
        ("two_months", date(2026, 2, 28), "2026-01/02", date(2026, 3, 1)),
        ("two_months", date(2026, 12, 1), "2026-11/12", date(2027, 1, 1)),
        ("quarter", date(2026, 3, 31), "2026-Q1", date(2026, 4, 1)),
        ("year", date(2026, 6, 1), "2026", date(2027, 1, 1)),
        ("ever", date(2026, 6, 1), "ever", None),
    ],
)
def test_a_day_falls_in_one_period(period, on, name, next_start):
    assert period_of(period, on) == name
    assert next_period_starts(period, on) == next_start


@given(st.sampled_from(sorted(set(PERIOD_NAMES) - {"ever"})), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_the_next_period_starts_on_the_first_day_with_another_name(period, on):
    start = next_period_starts(period, on)
    assert period_of(period, start) != period_of(period, on)
    assert period_of(period, start - timedelta(days=1)) == period_of(period, on)
