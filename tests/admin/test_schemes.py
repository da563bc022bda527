"""Schemes on the console: imported, simulated, submitted, and approved by somebody else."""

from __future__ import annotations

import pytest

from backend.benefits.schemes import return_scheme
from tests.backend.benefits.made_up import add_scored_person, document

SCHEMES = "/api/v1/admin/schemes"
ONE = f"{SCHEMES}/pool_ticket/1"


@pytest.fixture
def drafted(city):
    with city.database.transaction() as session:
        add_scored_person(session, city.keys, city.clock(), total=125_00)
        add_scored_person(session, city.keys, city.clock(), total=110_00)
    author = city.as_officer("score_officer")
    answer = author.post(SCHEMES, json={"document": document()})
    assert answer.status_code == 201, answer.json
    return author


def test_a_scheme_goes_from_file_to_force_through_four_eyes(city, drafted):
    assert drafted.post(f"{ONE}/submission").json["code"] == "scheme_not_in_state"
    simulated = drafted.post(f"{ONE}/simulation").json
    assert simulated["simulation"]["total"]["gained"] == 1
    assert drafted.post(f"{ONE}/submission").json["state"] == "submitted"
    # Every officer of the test city has the same name, as if author and reviewer were one person.
    assert city.as_officer("reviewer").post(f"{ONE}/approval").json["code"] == "second_person_required"


def test_conditions_are_shown_in_plain_words_and_the_document_can_be_taken_along(city, drafted):
    scheme = city.as_officer("auditor").get(ONE).json
    activated, points = scheme["conditions"]["all"]
    assert activated["need"] == "已开通信用分"
    assert points["need"] == "信用分不低于 120.00 分"
    assert drafted.post(SCHEMES, json={"document": scheme["document"]}).json["version"] == 1


def test_a_broken_document_is_refused_with_every_place(city, drafted):
    answer = drafted.post(SCHEMES, json={"document": {"code": "x"}})
    assert (answer.status_code, answer.json["code"]) == (422, "scheme_invalid")
    assert len(answer.json["problems"]) > 3


@pytest.mark.parametrize("step", ["simulation", "submission", "approval"])
def test_only_the_right_role_takes_a_step(city, drafted, step):
    assert city.as_officer("auditor").post(f"{ONE}/{step}").status_code == 403


def test_a_returned_scheme_is_a_draft_again_with_the_reason(city, drafted):
    drafted.post(f"{ONE}/simulation")
    drafted.post(f"{ONE}/submission")
    with city.database.transaction() as session:
        return_scheme(
            session, code="pool_ticket", version=1, returned_by="李复核", reason="门槛过高", now=city.clock()
        )
    shown = drafted.get(SCHEMES).json["items"]
    assert [(one["state"], one["in_force"]) for one in shown] == [("draft", False)]
    assert "门槛过高" in drafted.get(ONE).json["returned_because"]


def test_settlements_are_for_officers_with_business_there(city):
    query = "partner=nobody&first=2026-03-01&last=2026-03-31"
    assert city.as_officer("data_officer").get(f"/api/v1/admin/settlements?{query}").status_code == 403
    answer = city.as_officer("auditor").get(f"/api/v1/admin/settlements?{query}")
    assert (answer.status_code, answer.json["code"]) == (404, "partner_not_found")
