from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.city_calendar import WorkingDays
from backend.deletion_requests.plan import JUDGED_GROUNDS, judge
from backend.deletion_requests.rules import rules_on
from backend.records.models import CreditRecord
from backend.records.retention import kept_until, retention_rule_on

DAYS = WorkingDays()
TODAY = date(2026, 3, 3)
CATEGORIES = parse_catalogue(shipped_catalogue()).categories


def judged(category, *, on, state="active", ground="consent_withdrawn", **circumstances):
    record = CreditRecord(category=category, event_on=on, state=state)
    told = {"self_declared": False, "in_case": False} | circumstances
    rule = retention_rule_on(TODAY)
    return judge(record, CATEGORIES[category], rule=rule, ground=ground, today=TODAY, **told)[0]


def test_an_answer_is_due_in_ten_working_days_and_never_after_the_fifteenth_day():
    rules = rules_on(TODAY)
    assert rules.answer_due_on(date(2026, 3, 3), DAYS) == date(2026, 3, 17)
    # The week of National Day does not stretch it: the fifteenth day comes before the tenth working day.
    assert rules.answer_due_on(date(2026, 9, 28), DAYS) == date(2026, 10, 13)


def test_with_holidays_not_announced_the_calendar_days_are_promised():
    assert rules_on(TODAY).answer_due_on(date(2031, 5, 6), DAYS) == date(2031, 5, 21)


@given(st.dates(date(2026, 1, 1), date(2026, 11, 30)))
def test_the_answer_is_always_due_after_filing_and_within_the_usual_fifteen_days(day):
    assert day < rules_on(day).answer_due_on(day, DAYS) <= day + timedelta(days=15)


def test_what_the_law_has_kept_within_its_term_stays():
    assert judged("court_judgment", on=date(2025, 12, 1)) == "keep"


@pytest.mark.parametrize("ground", sorted(JUDGED_GROUNDS))
def test_grounds_that_no_date_can_settle_go_to_an_officer(ground):
    assert judged("court_judgment", on=date(2025, 12, 1), ground=ground) == "review"


def test_what_the_person_may_decline_or_supplied_goes_at_once():
    assert judged("volunteering", on=date(2026, 1, 20)) == "delete"
    assert judged("court_judgment", on=date(2025, 12, 1), self_declared=True) == "delete"


def test_a_term_that_is_over_needs_no_judgement():
    term = timedelta(days=CATEGORIES["court_judgment"].retention_days or 0)
    assert judged("court_judgment", on=TODAY - term) == "keep", "its last day"
    assert judged("court_judgment", on=TODAY - term - timedelta(days=1)) == "delete"


def test_what_is_revoked_or_without_a_term_is_judged():
    assert judged("court_judgment", on=date(2025, 12, 1), state="revoked") == "review"
    endless = [code for code, category in CATEGORIES.items() if category.retention_days is None]
    for code in endless:
        if not CATEGORIES[code].may_decline:
            assert judged(code, on=date(2025, 12, 1)) == "review"


@given(
    category=st.sampled_from(sorted(CATEGORIES)),
    on=st.dates(date(2015, 1, 1), TODAY),
    state=st.sampled_from(["active", "disputed", "repaired", "revoked", "expired"]),
    ground=st.sampled_from(["consent_withdrawn", "purpose_achieved", "term_over", "unlawful", "other"]),
    self_declared=st.booleans(),
)
def test_whatever_is_kept_is_kept_by_law_and_within_its_term_and_an_open_case_is_never_deleted(
    category, on, state, ground, self_declared
):
    rule = retention_rule_on(TODAY)
    record = CreditRecord(category=category, event_on=on, state=state)
    found = judged(category, on=on, state=state, ground=ground, self_declared=self_declared)
    if found == "keep":
        until = kept_until(record, CATEGORIES[category], rule)
        assert until is not None
        assert until >= TODAY
        assert not CATEGORIES[category].may_decline
        assert not self_declared
    in_case = judged(category, on=on, state=state, ground=ground, self_declared=self_declared, in_case=True)
    assert in_case == "review"
