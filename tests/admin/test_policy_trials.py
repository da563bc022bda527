"""An officer drags the weights of the policy and sees scores and benefits of the city change, on paper only."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.benefits.city_facts import state_of_city
from backend.scores.activation import activate_score, leave_score
from backend.scores.models import Score
from backend.scores.runs import perform_run, request_run
from backend.subjects.models import Subject
from tests.factories import add_person, add_record
from tests.rules_in_force import put_rules_in_force

POLICY = "/api/v1/admin/policy-trials/policy?subject_kind=person"
RESULT = "/api/v1/admin/policy-trials/result?subject_kind=person"
BENEFITS = "/api/v1/admin/policy-trials/benefits?subject_kind=person"


@pytest.fixture
def scored(city):
    """Four citizens, of whom two have volunteered enough for a benefit; their scores are published."""
    with city.database.transaction() as session:
        put_rules_in_force(session, city.clock(), policies=("guihua",), schemes=True)
        for place in range(4):
            person = add_person(session, city.keys, born_on=date(1980, 1, 1 + place))
            if place < 2:
                add_record(session, person, "volunteering", quantity=300_00, event_on=city.clock().date())
            activate_score(
                session,
                subject_id=person.id,
                notice_version=ACTIVATION_NOTICE.version,
                evidence={"channel": "test"},
                now=city.clock(),
            )
    with city.database.transaction() as session:
        run = request_run(
            session, subject_kind="person", as_of=city.clock().date(), started_by="甲", now=city.clock()
        ).id
    perform_run(
        city.database,
        run,
        data_dir=city.services.config.data_dir,
        clock=city.clock,
        progress=lambda done, total: None,
    )
    return city


def test_without_the_hours_their_points_and_what_rests_on_them_are_lost(scored):
    officer = scored.as_officer("score_officer")
    codes = [one["code"] for one in officer.get(POLICY).get_json()["indicators"]]
    assert "volunteer_hours" in codes
    same = officer.get(RESULT).get_json()
    assert (same["raised"], same["lowered"], same["subjects"]) == (0, 0, 4)
    assert same["before"] == same["after"]
    assert any(benefit["before"] == 2 for benefit in officer.get(BENEFITS).get_json()["benefits"])

    change = "&weight=volunteer_hours:0&weight=recent_volunteering:0"
    without = officer.get(RESULT + change).get_json()
    assert (without["raised"], without["lowered"]) == (0, 2)
    benefits = officer.get(BENEFITS + change).get_json()["benefits"]
    assert sum(benefit["lost"] for benefit in benefits) > 0
    assert all(benefit["gained"] == 0 for benefit in benefits)
    for benefit in benefits:
        assert benefit["after"] == benefit["before"] + benefit["gained"] - benefit["lost"]


def test_a_trial_changes_nobodys_score(scored):
    def totals():
        with scored.database.reading() as session:
            return session.execute(select(Score.subject_id, Score.total, Score.revision)).all()

    before = totals()
    scored.as_officer("score_officer").get(f"{RESULT}&weight=volunteer_hours:300")
    assert totals() == before


def test_tiers_and_caps_can_be_tried_where_the_policy_has_them(scored):
    officer = scored.as_officer("score_officer")
    by_code = {one["code"]: one for one in officer.get(POLICY).get_json()["indicators"]}
    tiers = by_code["volunteer_hours"]["parts"]
    assert tiers[0] == {"code": "tier-1", "points": 100, "at_least": 500}
    assert [part["code"] for part in by_code["recent_volunteering"]["parts"]] == ["unit", "cap"]
    assert by_code["admin_penalties"]["parts"][-1] == {"code": "cap", "points": 6000, "at_least": None}
    assert not by_code["admin_penalties"]["reads_records"]

    dearer = officer.get(f"{RESULT}&price=volunteer_hours:{tiers[-1]['code']}:3500").get_json()
    assert (dearer["raised"], dearer["lowered"], dearer["read_again"]) == (2, 0, [])
    capped = officer.get(f"{RESULT}&price=recent_volunteering:cap:100").get_json()
    assert (capped["raised"], capped["lowered"]) == (0, 2)


@pytest.mark.parametrize(
    ("price", "code"),
    [
        ("volunteer_hours:tier-1:9000", "prices_out_of_order"),
        ("volunteer_hours:tier-1:-100", "prices_out_of_order"),
        ("volunteer_hours:tier-9:100", "unknown_indicators"),
        ("no_such:cap:100", "unknown_indicators"),
        ("volunteer_hours:cap", "validation_failed"),
    ],
)
def test_prices_that_make_no_sense_are_refused(scored, price, code):
    answer = scored.as_officer("score_officer").get(f"{RESULT}&price={price}")
    assert (answer.status_code, answer.get_json()["code"]) == (422, code)


def test_who_leaves_is_out_of_the_next_trial_and_out_of_its_benefits(scored):
    officer = scored.as_officer("score_officer")
    before = {one["scheme"]: one["before"] for one in officer.get(BENEFITS).get_json()["benefits"]}
    assert officer.get(RESULT).get_json()["subjects"] == 4
    with scored.database.transaction() as session:
        first = session.scalars(select(Score.subject_id).order_by(Score.subject_id)).first()
        leave_score(session, subject_id=first, now=scored.clock())
    assert officer.get(RESULT).get_json()["subjects"] == 3
    after = {one["scheme"]: one["before"] for one in officer.get(BENEFITS).get_json()["benefits"]}
    assert any(after[scheme] == count - 1 for scheme, count in before.items() if count)


def test_a_record_that_comes_in_shows_in_the_benefits_of_the_next_trial(scored):
    with scored.database.reading() as session:
        before = state_of_city(session)
        assert state_of_city(session) == before
    with scored.database.transaction() as session:
        someone = session.scalars(select(Score.subject_id)).first()
        add_record(session, session.get_one(Subject, someone), "honour", level=1)
    with scored.database.reading() as session:
        assert state_of_city(session) != before


@pytest.mark.parametrize(
    ("weight", "status"), [("volunteer_hours:301", 422), ("volunteer_hours", 422), ("no_such:50", 422)]
)
def test_a_weight_that_makes_no_sense_is_refused(scored, weight, status):
    assert scored.as_officer("score_officer").get(f"{RESULT}&weight={weight}").status_code == status


def test_only_the_scoring_office_may_try(scored):
    assert scored.as_officer("data_officer").get(RESULT).status_code == 403
    assert scored.as_officer("auditor").get(RESULT).status_code == 200


def test_there_is_nothing_to_try_before_the_first_run(city):
    answer = city.as_officer("score_officer").get(POLICY)
    assert answer.get_json()["code"] == "nothing_to_simulate_on"
