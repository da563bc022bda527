from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.city_calendar import CalendarMissing, WorkingDays
from backend.objections.deadlines import JurisdictionUnknown, load_deadlines, working_days_left

DAYS = WorkingDays()
SHANDONG = load_deadlines(DAYS).terms[0]
TUESDAY = date(2026, 3, 3)
known_days = st.dates(min_value=date(2025, 1, 1), max_value=date(2026, 11, 30))


def test_shandong_answers_within_three_working_days_and_seven_when_forwarded():
    deadlines = load_deadlines(DAYS)

    assert deadlines.name == "山东省"
    assert deadlines.answer_due(filed_on=date(2026, 3, 3)) == date(2026, 3, 6)
    assert deadlines.answer_due_when_forwarded(filed_on=date(2026, 3, 3)) == date(2026, 3, 12)


@pytest.mark.parametrize(
    ("jurisdiction", "own", "forwarded"),
    [("shandong", 3, 7), ("henan", 3, 7), ("shanghai", 5, 7), ("zhejiang", 5, 5), ("shenzhen", 1, 3)],
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
        terms=(
            replace(SHANDONG, effective_from=date(2020, 1, 1), basis="旧", own_days=3),
            replace(SHANDONG, effective_from=date(2026, 3, 4), basis="新", own_days=1),
        ),
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


@pytest.mark.parametrize(
    ("jurisdiction", "forward", "provider"),
    [
        ("shandong", None, date(2026, 3, 12)),  # no day of its own: until the answer is due
        ("henan", None, date(2026, 3, 9)),
        ("shanghai", date(2026, 3, 5), date(2026, 3, 11)),
        ("zhejiang", None, date(2026, 3, 10)),
        ("shenzhen", date(2026, 3, 4), date(2026, 3, 6)),
    ],
)
def test_forwarding_and_the_providers_reply_have_their_own_last_days(jurisdiction, forward, provider):
    deadlines = load_deadlines(DAYS, jurisdiction)

    assert deadlines.forward_due(filed_on=TUESDAY) == forward
    assert deadlines.provider_due(filed_on=TUESDAY, forwarded_on=date(2026, 3, 4)) == provider


def test_a_case_forwarded_late_leaves_the_provider_no_longer_than_the_answer():
    deadlines = load_deadlines(DAYS, "shanghai")

    assert deadlines.provider_due(filed_on=TUESDAY, forwarded_on=date(2026, 3, 11)) == date(2026, 3, 12)


@pytest.mark.parametrize(
    ("jurisdiction", "longest"),
    [("shandong", None), ("henan", None), ("shanghai", None), ("zhejiang", 20), ("shenzhen", 6)],
)
def test_only_some_jurisdictions_prolong_and_never_beyond_their_longest(jurisdiction, longest):
    deadlines = load_deadlines(DAYS, jurisdiction)
    due = deadlines.answer_due_when_forwarded(filed_on=TUESDAY)

    assert deadlines.extended(due, filed_on=TUESDAY) == (longest and DAYS.after(TUESDAY, longest))


def test_the_record_is_to_be_marked_the_same_day_and_in_shanghai_by_the_next():
    assert load_deadlines(DAYS).mark_due(filed_on=TUESDAY) == TUESDAY
    assert load_deadlines(DAYS, "shanghai").mark_due(filed_on=TUESDAY) == date(2026, 3, 4)


def test_a_weekend_that_is_worked_to_make_up_for_a_holiday_counts():
    # Saturday 10 October 2026 is worked for National Day; 1 to 7 October are off.
    assert DAYS.is_working(date(2026, 10, 10))
    assert load_deadlines(DAYS).answer_due(filed_on=date(2026, 9, 30)) == date(2026, 10, 10)


def test_a_reminder_is_due_from_one_working_day_before_until_the_last_day_itself():
    deadlines = load_deadlines(DAYS)
    due = date(2026, 10, 8)

    def reminded(today):
        return deadlines.reminder_is_due(due, filed_on=date(2026, 9, 28), today=today)

    # Of the holidays none counts: on 30 September one working day is left.
    assert [reminded(date(2026, 9, day)) for day in (28, 29, 30)] == [False, False, True]
    assert [reminded(date(2026, 10, day)) for day in (3, 8, 9)] == [True, True, False]
