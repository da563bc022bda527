from __future__ import annotations

from datetime import date

import pytest

from backend.benefits.conditions import evaluate, parse_condition
from backend.benefits.fact_catalogue import FACTS, RECORD_FACTS
from backend.benefits.facts import collect_facts
from backend.catalogue.service import catalogue_in_force
from tests.backend.benefits.made_up import add_scored_person, set_score
from tests.factories import add_enterprise, add_person, add_record
from tests.rules_in_force import put_rules_in_force

ON = date(2026, 3, 3)
OF_ENTERPRISES = [code for code, fact in FACTS.items() if fact.about == "enterprise"]


def fact_of(session, holder, code, enterprise=None):
    return collect_facts(session, holder=holder, enterprise=enterprise, wanted=[code], on=ON).get(code)


def test_every_fact_can_be_collected(session, keys, now):
    person, enterprise = add_scored_person(session, keys, now), add_enterprise(session, keys)
    facts = collect_facts(session, holder=person, enterprise=enterprise, wanted=FACTS, on=ON)
    assert facts.values.keys() == FACTS.keys()


def test_every_category_and_level_that_facts_speak_of_is_in_the_catalogue(session, now):
    put_rules_in_force(session, now)
    categories = catalogue_in_force(session, ON).categories
    for code, measure in RECORD_FACTS.items():
        category = categories[measure.category]
        kind = "person" if FACTS[code].about == "holder" else "enterprise"
        assert kind in category.subject_kinds
        assert max(measure.levels or {0}) <= len(category.levels)
        if measure.measure == "latest_level":
            assert list(FACTS[code].choices) == [level.code for level in category.levels]


def test_without_an_enterprise_facts_about_one_are_unknown(session, keys, now):
    person = add_scored_person(session, keys, now)
    facts = collect_facts(session, holder=person, enterprise=None, wanted=FACTS, on=ON)
    assert all(facts.get(code) is None for code in OF_ENTERPRISES)


def test_the_score_is_the_published_one(session, keys, now):
    person = add_scored_person(session, keys, now, total=118_25)
    assert fact_of(session, person, "score.total") == 118_25
    set_score(session, person, total=121_00, now=now)
    assert fact_of(session, person, "score.total") == 121_00


def test_someone_without_a_score_has_an_unknown_one(session, keys):
    person = add_person(session, keys)
    assert fact_of(session, person, "score.total") is None
    assert fact_of(session, person, "consent.activated") is False


def test_an_enterprise_has_its_own_evaluation_and_age(session, keys, now):
    person, enterprise = add_scored_person(session, keys, now), add_enterprise(session, keys)
    set_score(session, enterprise, total=910_00, grade="excellent", now=now)
    assert fact_of(session, person, "enterprise.evaluation", enterprise) == "excellent"
    assert fact_of(session, person, "enterprise.registered_days", enterprise) == (ON - date(2018, 5, 1)).days


def test_age_is_in_completed_years(session, keys):
    assert fact_of(session, add_person(session, keys, born_on=date(2008, 3, 4)), "person.age") == 17
    assert fact_of(session, add_person(session, keys, born_on=date(2008, 3, 3)), "person.age") == 18


def test_confirmed_hours_of_the_last_year_add_up(session, keys):
    person = add_person(session, keys)
    add_record(session, person, "volunteering", event_on=date(2025, 3, 4), quantity=12_50)
    add_record(session, person, "volunteering", event_on=date(2026, 3, 3), quantity=7_50)
    add_record(session, person, "volunteering", event_on=date(2025, 3, 3), quantity=90_00)
    add_record(session, person, "volunteering", event_on=date(2026, 3, 4), quantity=90_00)
    assert fact_of(session, person, "records.volunteering.hours_12_months") == 20_00


@pytest.mark.parametrize("settled", [{"performed_on": ON}, {"ended_on": ON}])
def test_arrears_stop_counting_on_the_day_they_are_settled(session, keys, settled):
    person = add_person(session, keys)
    add_record(session, person, "utility_arrears")
    add_record(session, person, "utility_arrears", **settled)
    assert fact_of(session, person, "records.utility_arrears.unpaid") == 1


@pytest.mark.parametrize("state", ["disputed", "repaired", "revoked", "expired"])
def test_an_adverse_record_counts_only_while_it_stands(session, keys, state):
    person = add_person(session, keys)
    add_record(session, person, "dishonest_debtor", state=state)
    assert fact_of(session, person, "records.dishonest_debtor.in_force") == 0


def test_a_good_record_still_counts_while_it_is_under_objection(session, keys):
    person = add_person(session, keys)
    add_record(session, person, "volunteering", quantity=5_00, state="disputed")
    assert fact_of(session, person, "records.volunteering.hours_12_months") == 5_00


def test_only_the_named_levels_count(session, keys, now):
    person, enterprise = add_person(session, keys), add_enterprise(session, keys)
    for level in (1, 2, 3):
        add_record(session, enterprise, "commitment", level=level)
    assert fact_of(session, person, "enterprise.commitments.signed_24_months", enterprise) == 2
    assert fact_of(session, person, "enterprise.commitments.broken_24_months", enterprise) == 1


def test_the_newest_rating_counts(session, keys):
    person, enterprise = add_person(session, keys), add_enterprise(session, keys)
    assert fact_of(session, person, "enterprise.tax_rating", enterprise) is None
    add_record(session, enterprise, "tax_rating", event_on=date(2024, 4, 1), level=1)
    add_record(session, enterprise, "tax_rating", event_on=date(2025, 4, 1), level=4)
    assert fact_of(session, person, "enterprise.tax_rating", enterprise) == "c"


def test_the_last_blood_donation_has_a_date(session, keys):
    person = add_person(session, keys)
    assert fact_of(session, person, "records.blood_donation.latest_on") is None
    add_record(session, person, "blood_donation", event_on=date(2025, 8, 1), level=1)
    assert fact_of(session, person, "records.blood_donation.latest_on") == date(2025, 8, 1)


def test_another_subjects_records_do_not_count(session, keys):
    add_record(session, add_person(session, keys), "utility_arrears")
    assert fact_of(session, add_person(session, keys), "records.utility_arrears.unpaid") == 0


def test_a_scheme_may_ask_for_the_red_list_of_a_citizen_or_of_the_enterprise_they_act_for(session, keys, now):
    put_rules_in_force(session, now)
    person, enterprise = add_person(session, keys), add_enterprise(session, keys)
    assert fact_of(session, person, "person.red_listed") is False
    add_record(session, person, "honour", level=3, event_on=date(2026, 1, 5))
    add_record(session, enterprise, "tax_rating", level=1, event_on=date(2025, 4, 30))
    assert fact_of(session, person, "person.red_listed") is True
    assert fact_of(session, person, "enterprise.red_listed", enterprise) is True
    asked = {"fact": "enterprise.red_listed", "op": "eq", "value": True, "reason": "列入红名单。"}
    facts = collect_facts(session, holder=person, enterprise=enterprise, wanted=["enterprise.red_listed"], on=ON)
    assert evaluate(parse_condition(asked), facts) is True
