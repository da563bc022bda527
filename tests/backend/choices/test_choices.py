from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from backend.choices.errors import NotDeclinable
from backend.choices.service import anyone_declines, declinable, decline, declined_by, declined_pairs, take_back
from backend.scores.inputs import columns_of_subject
from backend.scores.policies import adopt_policy, policy_of
from backend.subjects.rescoring import is_marked
from scoring.policy import shipped_policy
from tests.factories import add_enterprise, add_person, add_record, add_relation
from tests.rules_in_force import put_rules_in_force

BEFORE = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def catalogue(session):
    put_rules_in_force(session, BEFORE)


def counted(session, subject, kind="person"):
    version = adopt_policy(
        session,
        shipped_policy("guihua" if kind == "person" else "enterprise"),
        adopted_by="测试",
        now=BEFORE,
        on=date(2026, 3, 1),
    )
    _, compiled = policy_of(session, version.hash)
    columns = columns_of_subject(session, subject.id, subject_kind=kind, compiled=compiled, as_of=date(2026, 3, 3))
    return sorted(columns.record.tolist())


def test_only_good_deeds_that_the_catalogue_says_may_be_declined(session, now):
    codes = {category.code for category in declinable(session, now=now)}
    assert {"volunteering", "blood_donation", "honour"} <= codes
    assert "court_judgment" not in codes
    assert {category.polarity for category in declinable(session, now=now)} == {"positive"}


@pytest.mark.parametrize("category", ["court_judgment", "utility_arrears", "no_such_category"])
def test_what_is_collected_by_law_cannot_be_declined(session, keys, now, category):
    person = add_person(session, keys)
    with pytest.raises(NotDeclinable):
        decline(session, subject_id=person.id, category=category, now=now)
    assert declined_by(session, person.id) == frozenset()


def test_declined_records_stop_counting_at_once_and_count_again_when_taken_back(session, keys, now):
    person = add_person(session, keys)
    volunteering = add_record(session, person, "volunteering")
    judgment = add_record(session, person, "court_judgment", level=1)
    assert counted(session, person) == [volunteering.id, judgment.id]

    decline(session, subject_id=person.id, category="volunteering", now=now)
    assert counted(session, person) == [judgment.id]
    assert is_marked(session, person.id)

    take_back(session, subject_id=person.id, category="volunteering", now=now + timedelta(days=1))
    assert counted(session, person) == [volunteering.id, judgment.id]


def test_what_a_principal_declines_does_not_reach_through_to_the_enterprise(session, keys, now):
    person, enterprise = add_person(session, keys), add_enterprise(session, keys)
    add_relation(session, enterprise=enterprise, principal=person, role="legal_representative")
    add_record(session, person, "honour", level=1)
    assert len(counted(session, enterprise, "enterprise")) == 1
    decline(session, subject_id=person.id, category="honour", now=now)
    assert counted(session, enterprise, "enterprise") == []


def test_a_choice_is_one_persons_and_one_categorys(session, keys, now):
    person, other = add_person(session, keys), add_person(session, keys)
    add_record(session, other, "volunteering")
    decline(session, subject_id=person.id, category="volunteering", now=now)
    decline(session, subject_id=person.id, category="volunteering", now=now)
    assert declined_pairs(session, [person.id, other.id]) == {(person.id, "volunteering")}
    assert len(counted(session, other)) == 1
    take_back(session, subject_id=other.id, category="volunteering", now=now)
    assert declined_by(session, person.id) == {"volunteering"}


def test_whether_anyone_declines_a_category_is_known_without_asking_for_each_person(session, keys, now):
    person = add_person(session, keys)
    assert not anyone_declines(session, "volunteering")
    decline(session, subject_id=person.id, category="volunteering", now=now)
    assert anyone_declines(session, "volunteering")
    assert not anyone_declines(session, "honour")
    take_back(session, subject_id=person.id, category="volunteering", now=now + timedelta(days=1))
    assert not anyone_declines(session, "volunteering")
