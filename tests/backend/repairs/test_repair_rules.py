from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.city_calendar import CalendarMissing, WorkingDays
from backend.months import add_months
from backend.repairs.conditions import RecordFacts, conditions_of, repairable_from
from backend.repairs.rules import rule_of, rule_on

CATEGORIES = parse_catalogue(shipped_catalogue()).categories
TODAY = date(2026, 6, 30)
PENALTY = RecordFacts(
    category=CATEGORIES["admin_penalty"],
    level=2,
    state="active",
    event_on=date(2026, 3, 31),
    performed_on=date(2026, 4, 20),
    has_proof=False,
    signed=True,
)


def unmet(facts, *, on=TODAY):
    return {one.code: one.met_from for one in conditions_of(facts, rule_on(on), on) if not one.met}


def test_an_application_goes_by_the_rules_of_its_day():
    assert rule_on(date(2026, 3, 31)).code == "order58"
    assert rule_on(date(2026, 4, 1)).code == "order36"
    assert "第58号" in rule_on(date(2026, 3, 31)).basis
    assert "第36号" in rule_on(date(2026, 4, 1)).basis


@pytest.mark.parametrize(
    ("rule", "seriousness", "shortest", "longest"),
    [
        ("order58", "general", 3, 36),
        ("order58", "serious", 12, 36),
        ("order36", "minor", 0, 3),
        ("order36", "general", 3, 12),
        ("order36", "serious", 12, 36),
    ],
)
def test_shortest_and_longest_publication_by_seriousness(rule, seriousness, shortest, longest):
    level = rule_of(rule).levels[seriousness]
    assert (level.shortest_months, level.longest_months) == (shortest, longest)


def test_slight_information_is_in_principle_not_published_since_the_new_rules():
    assert rule_of("order36").levels["minor"].published == "when_stated"
    assert rule_of("order36").levels["general"].published == "always"


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2025, 11, 30), 3, date(2026, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2025, 12, 31), 3, date(2026, 3, 31)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
    ],
)
def test_months_end_on_the_same_day_or_on_the_last_of_the_month(day, months, later):
    assert add_months(day, months) == later


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(0, 60))
def test_more_months_never_end_earlier(day, months):
    assert add_months(day, months) <= add_months(day, months + 1)
    assert add_months(day, months).day <= day.day


def test_a_repair_may_be_asked_for_on_the_day_the_shortest_period_ends_and_not_the_day_before():
    assert unmet(PENALTY, on=date(2026, 6, 30)) == {}
    assert unmet(PENALTY, on=date(2026, 6, 29)) == {"shortest_period": date(2026, 6, 30)}


def test_the_same_record_waits_a_year_when_it_is_serious_and_not_at_all_when_it_is_slight():
    assert unmet(replace(PENALTY, level=3)) == {"shortest_period": date(2027, 3, 31)}
    assert unmet(replace(PENALTY, level=1, event_on=TODAY, performed_on=TODAY)) == {}


def test_each_unmet_condition_is_named_with_the_day_from_which_it_is_met():
    facts = replace(PENALTY, performed_on=date(2026, 7, 20), signed=False, event_on=date(2026, 5, 1))

    conditions = conditions_of(facts, rule_on(TODAY), TODAY)

    assert unmet(facts) == {
        "shortest_period": date(2026, 8, 1),
        "obligation": date(2026, 7, 20),
        "commitment": None,
    }
    assert repairable_from(conditions) == date(2026, 8, 1)
    assert all(condition.sentence for condition in conditions)


def test_performance_is_shown_by_the_record_or_by_proof():
    assert unmet(replace(PENALTY, performed_on=None)) == {"obligation": None}
    assert unmet(replace(PENALTY, performed_on=None, has_proof=True)) == {}


def test_the_day_a_broken_promise_was_found_out_is_no_proof_that_it_was_made_good():
    broken = replace(PENALTY, category=CATEGORIES["commitment"], level=3)

    assert unmet(broken) == {"obligation": None}
    assert unmet(replace(broken, has_proof=True)) == {}


@pytest.mark.parametrize("category", ["dishonest_debtor", "serious_list"])
def test_what_another_authority_takes_off_its_list_is_not_repaired_here(category):
    assert list(unmet(replace(PENALTY, category=CATEGORIES[category], level=0))) == ["repairable"]


@pytest.mark.parametrize(
    ("category", "level"),
    [("volunteering", 0), ("commitment", 1), ("contract_performance", 1), ("admin_licence", 0)],
)
def test_what_is_not_adverse_needs_no_repair(category, level):
    assert list(unmet(replace(PENALTY, category=CATEGORIES[category], level=level))) == ["adverse"]


@pytest.mark.parametrize("state", ["disputed", "repaired", "revoked", "expired"])
def test_only_a_record_that_counts_can_be_repaired(state):
    assert list(unmet(replace(PENALTY, state=state))) == ["counts"]


def test_every_negative_category_of_the_catalogue_has_a_seriousness_under_every_version():
    for code in ("order58", "order36"):
        for category in CATEGORIES.values():
            if category.polarity == "negative":
                for level in range(bool(category.levels), len(category.levels) + 1):
                    assert rule_of(code).seriousness_of(category, level) is not None


def test_clocks_count_working_days_over_a_holiday_and_are_never_guessed():
    days = rule_on(date(2026, 9, 30)).clocks_in("shandong")
    # 1 to 7 October 2026 is a holiday; Saturday the 10th is a working day.
    assert WorkingDays().due_after(date(2026, 9, 30), days.acceptance_days) == date(2026, 10, 10)
    with pytest.raises(CalendarMissing):
        WorkingDays().due_after(date(2030, 1, 1), 1)


@given(st.dates(date(2023, 5, 1), date(2030, 12, 31)), st.sampled_from([1, 2, 3]))
def test_a_repair_is_never_possible_only_after_publication_has_ended_by_itself(event_on, level):
    rule = rule_on(event_on)
    seriousness = rule.seriousness_of(CATEGORIES["admin_penalty"], level)
    bounds = rule.levels[seriousness]
    assert bounds.repairable_from(event_on) < bounds.published_until(event_on) + timedelta(days=1)
