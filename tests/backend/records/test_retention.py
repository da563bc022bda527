"""How long a record counts and shows, and when its content goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.catalogue.document import Category, parse_catalogue, shipped_catalogue
from backend.records.retention import deleted_on, kept_until, last_end_over, retention_rule_on

CATEGORIES = parse_catalogue(shipped_catalogue()).categories
RULE = retention_rule_on(date(2026, 3, 3))

days = st.dates(min_value=date(2000, 1, 1), max_value=date(2090, 1, 1))
adverse = st.sampled_from([category for category in CATEGORIES.values() if category.polarity == "negative"])


@dataclass(frozen=True)
class Dates:
    event_on: date
    ended_on: date | None = None


def with_days(category: Category, days: int | None) -> Category:
    return replace(category, retention_days=days)


def test_the_clock_runs_from_the_end_of_the_matter_or_from_its_day():
    arrears = CATEGORIES["utility_arrears"]  # 365 days

    assert kept_until(Dates(date(2025, 3, 3)), arrears, RULE) == date(2026, 3, 3)
    assert kept_until(Dates(date(2024, 1, 1), date(2025, 3, 3)), arrears, RULE) == date(2026, 3, 3)


def test_the_content_goes_when_the_grace_after_the_retention_is_over():
    arrears = CATEGORIES["utility_arrears"]

    assert deleted_on(Dates(date(2025, 3, 3)), arrears, RULE) == date(2026, 4, 3)


def test_adverse_content_goes_five_years_after_the_end_whatever_the_grace():
    longest = with_days(CATEGORIES["court_judgment"], 1826)

    assert kept_until(Dates(date(2021, 3, 3)), longest, RULE) == date(2026, 3, 3)
    assert deleted_on(Dates(date(2021, 3, 3)), longest, RULE) == date(2026, 3, 4)
    assert kept_until(Dates(date(2020, 2, 29)), longest, RULE) == date(2025, 2, 28)


def test_what_the_catalogue_keeps_for_good_has_no_end():
    assert kept_until(Dates(date(2001, 1, 1)), CATEGORIES["volunteering"], RULE) is None
    assert deleted_on(Dates(date(2001, 1, 1)), CATEGORIES["volunteering"], RULE) is None


@given(adverse, days, st.integers(0, 2000), st.integers(1, 1826))
def test_nothing_adverse_outlives_five_years_after_the_matter_ended(category, event_on, lasted, retention):
    ended_on = event_on + timedelta(days=lasted)
    record = Dates(event_on, ended_on)
    until = kept_until(record, with_days(category, retention), RULE)
    gone = deleted_on(record, with_days(category, retention), RULE)

    fifth_year_is_over = date(ended_on.year + 5, ended_on.month, min(ended_on.day, 28)) + timedelta(days=4)
    assert ended_on < until < gone <= fifth_year_is_over


@given(st.sampled_from(list(CATEGORIES.values())), days, st.integers(-3, 3), st.sampled_from([None, 1, 365, 1826]))
def test_what_is_over_is_told_by_the_day_of_its_end(category, today, off, retention):
    category = with_days(category, retention)
    last = last_end_over(category, RULE, today)
    if last is None:
        assert kept_until(Dates(today), category, RULE) is None
    else:
        ended = last + timedelta(days=off)
        assert (kept_until(Dates(today, ended), category, RULE) < today) == (off <= 0)


@pytest.mark.parametrize("day", [date(1999, 1, 1), date(2013, 3, 15), date(2040, 1, 1)])
def test_every_day_has_a_rule_with_its_legal_basis(day):
    assert "征信业管理条例" in retention_rule_on(day).basis
