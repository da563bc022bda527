from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.city_calendar import WorkingDays
from backend.objections.deadlines import JurisdictionUnknown, Term, load_deadlines, working_days_left
from backend.objections.errors import CalendarMissing

DAYS = WorkingDays()
known_days = st.dates(min_value=date(2025, 1, 1), max_value=date(2026, 11, 30))


def test_shandong_answers_within_three_working_days_and_seven_when_forwarded():
    deadlines = load_deadlines(DAYS)

    assert deadlines.name == "山东省"
    assert deadlines.answer_due(filed_on=date(2026, 3, 3)) == date(2026, 3, 6)
    assert deadlines.answer_due_when_forwarded(filed_on=date(2026, 3, 3)) == date(2026, 3, 12)


@pytest.mark.parametrize(
    ("jurisdiction", "own", "forwarded"),
    [("shandong", 3, 7), ("henan", 3, 7), ("shanghai", 5, 7), ("zhejiang", 5, 20), ("shenzhen", 1, 6)],
)
def test_every_jurisdiction_keeps_its_own_clock(jurisdiction, own, forwarded):
    deadlines = load_deadlines(DAYS, jurisdiction)
    filed_on = date(2026, 3, 3)

    assert deadlines.answer_due(filed_on=filed_on) == DAYS.after(filed_on, own)
    assert deadlines.answer_due_when_forwarded(filed_on=filed_on) == DAYS.after(filed_on, forwarded)


def test_the_national_day_holidays_do_not_count():
    # Filed on the last day before the holidays of 2026, 1 to 7 October.
    assert load_deadlines(DAYS).answer_due(filed_on=date(2026, 9, 30)) == date(2026, 10, 10)


def test_an_objection_keeps_the_clock_that_was_in_force_when_it_was_filed():
    deadlines = replace(
        load_deadlines(DAYS),
        terms=(Term(date(2020, 1, 1), "旧", 3, 7), Term(date(2026, 3, 4), "新", 1, 2)),
    )

    assert deadlines.answer_due(filed_on=date(2026, 3, 3)) == date(2026, 3, 6)
    assert deadlines.answer_due(filed_on=date(2026, 3, 4)) == date(2026, 3, 5)
    assert deadlines.term_on(date(2019, 1, 1)).basis == "旧"


def test_a_deadline_in_a_year_without_a_holiday_notice_is_refused_and_never_guessed():
    with pytest.raises(CalendarMissing):
        load_deadlines(WorkingDays()).answer_due(filed_on=date(2090, 3, 3))


def test_an_unknown_jurisdiction_is_named_together_with_the_known_ones():
    with pytest.raises(JurisdictionUnknown, match=r"'atlantis'.*shandong"):
        load_deadlines(DAYS, "atlantis")


@given(known_days, st.integers(0, 8))
def test_working_days_left_count_down_the_clock_that_was_set(today, count):
    due = DAYS.after(today, count)

    assert working_days_left(DAYS, today=today, due_on=due) == count
    assert working_days_left(DAYS, today=due, due_on=today) == -count
