"""Objecting with evidence, to a score and to a refusal, and following the case."""

from __future__ import annotations

import json
import re
from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import select

from backend.notifications.models import Notification
from backend.objections.models import Objection
from backend.subjects.models import SubjectRelation
from command_line.access_matrix import access_rows
from command_line.server import openapi_document
from tests.factories import add_enterprise, add_record, add_relation
from tests.miniprogram_api.citizen.conftest import API

GROUNDS = "已经履行完毕，法院有结案通知书"
ENTERPRISE_ONLY = ("approval_green_channel", "enterprise_credit_loan", "office_rent")


def photo() -> BytesIO:
    out = BytesIO()
    Image.new("RGB", (40, 30), "navy").save(out, "JPEG")
    out.seek(0)
    return out


def upload(citizen) -> str:
    answer = citizen.phone.post(f"{API}/me/evidence", data={"file": (photo(), "结案通知书.jpg")})
    assert answer.status_code == 201
    return answer.json["id"]


@pytest.fixture
def judgment(scored):
    return scored.get("/me/records", category="court_judgment").json["items"][0]


def file(citizen, **body):
    return citizen.post("/me/objections", {"grounds": GROUNDS, **body})


def test_photos_go_into_the_case_and_can_be_looked_at_again_by_their_owner_only(scored, judgment, make_citizen):
    photos = [upload(scored), upload(scored)]
    filed = file(scored, record_id=judgment["id"], evidence_ids=photos)
    assert filed.status_code == 201
    assert {item["id"] for item in filed.json["evidence"]} == set(photos)

    path = f"/me/objections/{filed.json['id']}/evidence/{photos[0]}"
    seen = scored.get(path)
    assert (seen.status_code, seen.content_type) == (200, "image/jpeg")
    assert make_citizen().get(path).status_code == 404


def test_at_most_nine_files_and_none_of_someone_elses(scored, judgment, make_citizen):
    too_many = file(scored, record_id=judgment["id"], evidence_ids=[upload(scored) for _ in range(10)])
    assert (too_many.status_code, too_many.json["code"]) == (422, "validation_failed")
    foreign = file(scored, record_id=judgment["id"], evidence_ids=[upload(make_citizen())])
    assert (foreign.status_code, foreign.json["code"]) == (404, "evidence_not_found")
    # Nothing of the refused filing is left: the record is not marked.
    assert scored.get(f"/me/records/{judgment['id']}").json["state"] == "active"


def test_more_evidence_is_taken_until_the_case_is_decided_and_its_handlers_are_told(
    scored, judgment, make_citizen
):
    first, second, third = (upload(scored) for _ in range(3))
    case = f"/me/objections/{file(scored, record_id=judgment['id'], evidence_ids=[first]).json['id']}"
    added = scored.post(f"{case}/evidence", {"evidence_ids": [second]})
    assert (added.status_code, {item["id"] for item in added.json["evidence"]}) == (200, {first, second})
    assert [(step["event_name"], step["note"]) for step in added.json["steps"]][1:] == [("补交材料", "1 份")]
    with scored.city.database.transaction() as session:
        told = session.scalars(select(Notification).where(Notification.kind == "objection_evidence_added")).all()
        court = session.scalars(select(Objection.department_code)).one()
        assert {one.officer_role or one.partner_code for one in told} == {"objection_officer", court}

    assert scored.post(f"{case}/evidence", {"evidence_ids": []}).status_code == 422
    assert scored.post(f"{case}/evidence", {"evidence_ids": [second]}).json["code"] == "evidence_not_found"
    stranger = make_citizen()
    foreign = stranger.post(f"{case}/evidence", {"evidence_ids": [upload(stranger)]})
    assert (foreign.status_code, foreign.json["code"]) == (404, "objection_not_found")
    ninth = scored.post(f"{case}/evidence", {"evidence_ids": [upload(scored) for _ in range(8)]})
    assert (ninth.status_code, ninth.json["code"]) == (422, "evidence_too_many")

    assert scored.post(f"{case}/withdrawal").status_code == 200
    late = scored.post(f"{case}/evidence", {"evidence_ids": [third]})
    assert (late.status_code, late.json["code"]) == (409, "objection_state_forbids")


def test_a_score_is_put_before_a_human_without_touching_any_record(scored):
    filed = file(scored, kind="score")
    assert filed.status_code == 201
    assert (filed.json["kind"], filed.json["record_id"], filed.json["record_title"]) == ("score", None, "信用分")
    assert filed.json["answer_due_on"] == "2026-03-06"
    again = file(scored, kind="score")
    assert (again.status_code, again.json["code"]) == (409, "already_under_objection")


def test_whoever_has_no_score_has_none_to_object_to(citizen):
    answer = file(citizen, kind="score")
    assert (answer.status_code, answer.json["code"]) == (409, "not_activated")


def test_a_refused_benefit_is_put_before_a_human_and_one_that_was_not_refused_is_not(scored):
    benefits = scored.get("/me/benefits").json
    refused = next(
        one for one in benefits["not_eligible"] + benefits["nearly"] if one["code"] not in ENTERPRISE_ONLY
    )
    filed = file(scored, kind="benefit", scheme=refused["code"])
    assert filed.status_code == 201
    assert (filed.json["kind"], filed.json["record_title"]) == ("benefit", refused["name"])
    for_enterprises = file(scored, kind="benefit", scheme=ENTERPRISE_ONLY[0])
    assert (for_enterprises.status_code, for_enterprises.json["code"]) == (422, "appeal_needs_enterprise")
    if benefits["eligible"]:
        fine = file(scored, kind="benefit", scheme=benefits["eligible"][0]["code"])
        assert (fine.status_code, fine.json["code"]) == (409, "nothing_refused")


@pytest.mark.parametrize("body", [{"kind": "record"}, {"kind": "benefit"}, {"kind": "weather", "record_id": 1}])
def test_an_objection_says_what_it_is_about(scored, body):
    assert file(scored, **body).status_code == 422


def test_nobody_objects_for_an_enterprise_they_do_not_represent(scored, judgment):
    answer = file(scored, record_id=judgment["id"], enterprise="91990001MA00000000")
    assert (answer.status_code, answer.json["code"]) == (403, "not_legal_representative")


def test_the_case_is_followed_step_by_step_and_hidden_from_others(scored, judgment, make_citizen):
    filed = file(scored, record_id=judgment["id"]).json
    case = scored.get(f"/me/objections/{filed['id']}").json
    assert [(step["event"], step["note"]) for step in case["steps"]] == [("file", "桂城市中级人民法院")]
    assert make_citizen().get(f"/me/objections/{filed['id']}").status_code == 404


@pytest.fixture
def enterprise(scored):
    """One that the citizen legally represents, with a penalty."""
    with scored.city.database.transaction() as session:
        enterprise = add_enterprise(session, scored.city.keys)
        add_relation(session, enterprise=enterprise, principal=scored.subject, role="legal_representative")
        add_record(session, enterprise, "admin_penalty", title="桂市监罚〔2025〕12号")
    return enterprise


def test_a_legal_representative_reads_the_enterprises_records_and_objects_to_one(scored, enterprise):
    code = enterprise.public_code
    listed = scored.get("/me/records", enterprise=code).json["items"]
    assert [record["title"] for record in listed] == ["桂市监罚〔2025〕12号"]
    assert scored.get(f"/me/records/{listed[0]['id']}").status_code == 404
    assert scored.get(f"/me/records/{listed[0]['id']}", enterprise=code).json["may_object"] is True

    filed = file(scored, record_id=listed[0]["id"], enterprise=code)
    assert filed.status_code == 201
    assert filed.json["enterprise"] == {"public_code": code, "name": enterprise.public_name}
    assert scored.get(f"/me/records/{listed[0]['id']}", enterprise=code).json["state"] == "disputed"


def test_nothing_that_citizens_do_asks_for_money():
    rows = [row for row in access_rows(json.loads(openapi_document())) if row.who == "citizen"]
    money = re.compile("pay|fee|price|charge|cost|order")
    assert not [row.operation for row in rows if money.search(row.path) or any(map(money.search, row.fields))]


def test_an_organisations_legal_representative_objects_for_it(scored):
    with scored.city.database.transaction() as session:
        association = add_enterprise(session, scored.city.keys, name="桂城志愿者协会")
        association.kind = "organisation"
        add_relation(session, enterprise=association, principal=scored.subject, role="legal_representative")
        record = add_record(session, association, "admin_penalty", level=2)
        code = association.public_code
    [mine] = [one for one in scored.get("/me").json["enterprises"] if one["public_code"] == code]
    assert (mine["kind"], mine["name"]) == ("organisation", "桂城志愿者协会")

    assert file(scored, record_id=record.id, enterprise=code).status_code == 201

    assert scored.get(f"/me/records/{record.id}", enterprise=code).json["state"] == "disputed"
    assert scored.get("/me/reports").status_code == 200


def test_an_enterprises_case_passes_to_its_next_legal_representative(scored, enterprise, make_citizen):
    record = scored.get("/me/records", enterprise=enterprise.public_code).json["items"][0]
    case = file(scored, record_id=record["id"], enterprise=enterprise.public_code).json["id"]
    successor = make_citizen()
    assert successor.get(f"/me/objections/{case}").status_code == 404
    with scored.city.database.transaction() as session:
        session.scalars(select(SubjectRelation)).one().principal_id = successor.id

    assert scored.get("/me/records", enterprise=enterprise.public_code).status_code == 403
    assert scored.get(f"/me/objections/{case}").status_code == 404
    assert scored.post(f"/me/objections/{case}/withdrawal").status_code == 404
    assert [one["id"] for one in successor.get("/me/objections").json["items"]] == [case]
    assert successor.post(f"/me/objections/{case}/withdrawal").status_code == 200
