"""What a simulation says is what deciding on each subject one by one would say."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from backend.benefits.city_facts import facts_of_city
from backend.benefits.city_readings import as_number
from backend.benefits.eligibility import decide
from backend.benefits.fact_catalogue import FACTS, RECORD_FACTS
from backend.benefits.facts import collect_facts
from backend.benefits.scheme_document import read_document
from backend.benefits.schemes import import_scheme, simulate_scheme
from backend.benefits.simulation import simulate
from backend.subjects.service import enterprises_represented_by
from tests.backend.benefits.made_up import SCORE_120, add_scheme, add_scored_person, document, set_score
from tests.factories import add_enterprise, add_person, add_record, add_relation

TODAY = date(2026, 3, 3)
PERSON_FACTS = sorted(code for code in FACTS if FACTS[code].about == "holder")
TIERS = [
    {
        "code": "free",
        "name": "全免",
        "conditions": {"fact": "score.total", "op": "ge", "value": 140_00, "reason": "信用分达到 140 分。"},
        "terms": {"summary": "门票全免"},
    },
    {"code": "half", "name": "半价", "terms": {"summary": "门票 5 折"}},
]


@pytest.fixture
def people(session, keys, now):
    """Scores from 100 to 148 in two districts, and someone who has not opted in."""
    found = [add_scored_person(session, keys, now, total=100_00 + 400 * number) for number in range(13)]
    for person in found[::2]:
        person.district = "990002"
    add_person(session, keys)
    session.flush()
    return found


def test_gains_and_losses_add_up_over_districts_grades_and_tiers(session, now, people):
    add_scheme(session, now)
    new = document(
        version=2, tiers=TIERS, conditions={**SCORE_120, "value": 130_00, "reason": "信用分达到 130 分。"}
    )
    import_scheme(session, new, drafted_by="张起草", now=now)
    found = simulate_scheme(session, code="pool_ticket", version=2, now=now).simulation
    assert found["compared_with"] == 1
    assert found["total"] == {"group": "全市", "size": 13, "before": 8, "after": 5, "gained": 0, "lost": 3}
    for groups in (found["by_district"], found["by_grade"]):
        for part in ("size", "before", "after", "gained", "lost"):
            assert sum(group[part] for group in groups) == found["total"][part]
    assert [(tier["tier"], tier["before"], tier["after"]) for tier in found["tiers"]] == [
        ("half", 8, 2),
        ("free", 0, 3),
    ]


def test_a_new_scheme_only_gives(session, now, people):
    found = simulate(session, read_document(document()), in_force=None, on=TODAY)
    assert (found.compared_with, found.total.before, found.total.gained, found.total.lost) == (None, 0, 8, 0)


def test_the_simulation_agrees_with_deciding_one_by_one(session, now, people):
    rules = read_document(document(tiers=TIERS))
    found = simulate(session, rules, in_force=None, on=TODAY)
    one_by_one = [
        decide(rules, collect_facts(session, holder=one, enterprise=None, wanted=rules.facts, on=TODAY)).tier
        for one in people
    ]
    assert {tier.tier: tier.after for tier in found.tiers} == {
        code: sum(tier is not None and tier.code == code for tier in one_by_one) for code in ("free", "half")
    }


def records_for(session, subject, about, on):
    """For each fact from records: ones that count, are settled, disputed, ended, too old or in the future."""
    for code, measure in RECORD_FACTS.items():
        if FACTS[code].about != about:
            continue
        level = min(measure.levels) if measure.levels else 1
        for days, more in (
            (10, {}),
            (3, {"performed_on": on - timedelta(days=1)}),
            (4, {"state": "disputed"}),
            (5, {"ended_on": on}),
            (4000, {}),
            (-1, {}),
        ):
            add_record(
                session, subject, category=measure.category, event_on=on - timedelta(days=days), level=level,
                quantity=150, **more,
            )  # fmt: skip


def check_same_facts(session, codes, *, audience, pairs):
    facts, districts, _ = facts_of_city(session, codes, audience=audience, on=TODAY)
    assert facts.size == len(pairs) == len(districts)
    for place, (holder, enterprise) in enumerate(pairs):
        expected = collect_facts(session, holder=holder, enterprise=enterprise, wanted=codes, on=TODAY)
        for code in codes:
            value, column = expected.get(code), facts.columns[code]
            assert bool(column.known[place]) is (value is not None), code
            assert value is None or column.values[place] == as_number(code, value), code


def test_facts_of_all_persons_are_those_of_each(session, keys, now):
    with_records = add_scored_person(session, keys, now, born_on=date(2000, 2, 29))
    records_for(session, with_records, "holder", TODAY)
    without = add_scored_person(session, keys, now, born_on=date(1980, 3, 3))
    check_same_facts(session, PERSON_FACTS, audience="person", pairs=[(with_records, None), (without, None)])


def test_facts_of_all_enterprises_are_those_of_each_with_who_stands_for_it(session, keys, now):
    person = add_scored_person(session, keys, now)
    records_for(session, person, "holder", TODAY)
    enterprise = add_enterprise(session, keys)
    enterprise.registered_on = date(2024, 2, 29)
    add_relation(session, enterprise=enterprise, principal=person, role="legal_representative")
    records_for(session, enterprise, "enterprise", TODAY)
    set_score(session, enterprise, total=900_00, grade="excellent", now=now)
    assert enterprises_represented_by(session, person.id, TODAY) == [enterprise]
    check_same_facts(session, sorted(FACTS), audience="enterprise", pairs=[(person, enterprise)])
