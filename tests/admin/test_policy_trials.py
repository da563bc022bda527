"""An officer drags the weights of the policy and sees scores and benefits of the city change, on paper only."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.benefits.schemes import install_shipped_schemes
from backend.catalogue.document import shipped_catalogue
from backend.catalogue.service import import_catalogue
from backend.scores.activation import activate_score
from backend.scores.models import Score
from backend.scores.policies import adopt_policy
from backend.scores.runs import perform_run, request_run
from scoring.policy import shipped_policy
from tests.factories import add_person, add_record

POLICY = "/api/v1/admin/policy-trials/policy?subject_kind=person"
RESULT = "/api/v1/admin/policy-trials/result?subject_kind=person"


@pytest.fixture
def scored(city):
    """Four citizens, of whom two have volunteered enough for a benefit; their scores are published."""
    with city.database.transaction() as session:
        import_catalogue(session, shipped_catalogue(), city.clock())
        adopt_policy(session, shipped_policy("guihua"), adopted_by="甲", now=city.clock(), on=city.clock().date())
        install_shipped_schemes(session, drafted_by="甲", approved_by="乙", now=city.clock())
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
    assert any(benefit["before"] == 2 for benefit in same["benefits"])

    without = officer.get(f"{RESULT}&weight=volunteer_hours:0&weight=recent_volunteering:0").get_json()
    assert (without["raised"], without["lowered"]) == (0, 2)
    assert sum(benefit["lost"] for benefit in without["benefits"]) > 0
    assert all(benefit["gained"] == 0 for benefit in without["benefits"])
    for benefit in without["benefits"]:
        assert benefit["after"] == benefit["before"] + benefit["gained"] - benefit["lost"]


def test_a_trial_changes_nobodys_score(scored):
    def totals():
        with scored.database.reading() as session:
            return session.execute(select(Score.subject_id, Score.total, Score.revision)).all()

    before = totals()
    scored.as_officer("score_officer").get(f"{RESULT}&weight=volunteer_hours:300")
    assert totals() == before


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
