"""From an application without an account to a partner at work, and officers looking after it."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from backend.identifiers import complete_organisation_code, complete_social_credit_code
from backend.partners.keys import generate_private_jwk, public_part
from tests.backend.benefits.made_up import add_scheme
from tests.miniprogram_api.partner.conftest import new_counter

PUBLIC = "/api/v1/public"


@pytest.fixture
def application(city):
    with city.database.transaction() as session:
        add_scheme(session, city.clock())
    digest = city.http.get(f"{PUBLIC}/partner-terms").json["digest"]
    return {
        "name": "桂香书店",
        "public_code": complete_social_credit_code("91990001" + complete_organisation_code("MB918880")),
        "store_name": "桂香街店",
        "contact_name": "陈店长",
        "contact_phone": "010-99990001",
        "schemes": ["pool_ticket"],
        "terms_digest": digest,
    }


def post(city, path, body, key=None):
    return city.http.post(f"{PUBLIC}{path}", json=body, headers={"Idempotency-Key": key or str(uuid4())})


APPROVAL = {
    "code": "guixiang-books",
    "contract_number": "GC-2026-001",
    "starts_on": "2026-03-03",
    "ends_on": "2027-03-02",
    "schemes": ["pool_ticket"],
}


def test_a_shop_applies_is_approved_and_opens_the_scanner_page(city, application):
    key = str(uuid4())
    filed, again = (post(city, "/partner-applications", application, key) for _ in range(2))
    assert filed.status_code == 201
    assert filed.json == again.json
    receipt = {"receipt": filed.json["receipt"]}
    assert post(city, "/partner-applications/status", receipt).json["state"] == "filed"
    assert post(city, "/partner-applications/sign-in-code", receipt).json["code"] == "application_state_forbids"

    officer = city.as_officer("score_officer")
    [line] = officer.get("/api/v1/admin/partner-applications").json["items"]
    path = f"/api/v1/admin/partner-applications/{line['id']}"
    assert officer.get(path).json["contact_phone"] == "010-99990001"
    approved = officer.post(f"{path}/approval", json=APPROVAL)
    assert (approved.status_code, approved.json["partner"]) == (200, "guixiang-books")

    status = post(city, "/partner-applications/status", receipt).json
    assert (status["client_id"], status["contract"]["ends_on"]) == ("guixiang-books", "2027-03-02")
    code = post(city, "/partner-applications/sign-in-code", receipt).json["sign_in_code"]
    signed_in = city.http.post("/api/v1/counter/sign-in", json={"code": code})
    assert signed_in.json["staff"]["store"] == "桂香街店"
    assert officer.get("/api/v1/admin/partner-applications").json["items"] == []


def test_the_key_that_an_institution_applied_with_waits_for_a_second_officer(city, application):
    public = json.dumps(public_part(generate_private_jwk()))
    asked = {**application, "kind": "institution", "public_key": public}
    assert post(city, "/partner-applications", asked).status_code == 201
    officer, reviewer = city.as_officer("score_officer"), city.as_officer("reviewer")
    [line] = officer.get("/api/v1/admin/partner-applications").json["items"]
    path = f"/api/v1/admin/partner-applications/{line['id']}/approval"
    assert officer.post(path, json=APPROVAL).status_code == 200

    partner = "/api/v1/admin/partners/guixiang-books"
    assert officer.get(partner).json["keys"] == []
    [waiting] = reviewer.get("/api/v1/admin/access-proposals").json["items"]
    assert (waiting["kind"], waiting["state"]) == ("key", "proposed")
    decided = reviewer.post(
        f"/api/v1/admin/access-proposals/{waiting['id']}/decision",
        json={"decision": "approved", "reason": "已核对"},
    )
    assert decided.status_code == 200
    assert [key["state"] for key in officer.get(partner).json["keys"]] == ["active"]


def test_a_rejection_reaches_the_applicant(city, application):
    receipt = {"receipt": post(city, "/partner-applications", application).json["receipt"]}
    officer = city.as_officer("score_officer")
    [line] = officer.get("/api/v1/admin/partner-applications").json["items"]
    officer.post(f"/api/v1/admin/partner-applications/{line['id']}/rejection", json={"reason": "执照已经注销"})
    assert post(city, "/partner-applications/status", receipt).json["reason"] == "执照已经注销"


def test_a_withdrawn_application_can_be_filed_again(city, application):
    receipt = {"receipt": post(city, "/partner-applications", application).json["receipt"]}
    assert post(city, "/partner-applications", application).json["code"] == "application_already_filed"
    assert post(city, "/partner-applications/withdrawal", receipt).json["state"] == "withdrawn"
    assert post(city, "/partner-applications", application).status_code == 201


@pytest.mark.parametrize("role", ["reviewer", "auditor"])
def test_who_only_reads_cannot_act(city, application, role):
    post(city, "/partner-applications", application)
    reader = city.as_officer(role)
    [line] = reader.get("/api/v1/admin/partner-applications").json["items"]
    answer = reader.post(f"/api/v1/admin/partner-applications/{line['id']}/approval", json=APPROVAL)
    assert (answer.status_code, answer.json["code"]) == (403, "role_missing")
    assert city.as_officer("objection_officer").get("/api/v1/admin/partners").status_code == 403


def test_an_officer_looks_after_a_partner(city):
    counter = new_counter(city)
    officer = city.as_officer("score_officer")
    base = f"/api/v1/admin/partners/{counter.code}"

    store = officer.post(f"{base}/stores", json={"name": "东门店"}).json["stores"][0]
    staff = officer.post(f"{base}/stores/{store['id']}/staff", json={"nickname": "店长"}).json
    assert city.http.post("/api/v1/counter/sign-in", json={"code": staff["sign_in_code"]}).status_code == 201
    assert officer.post(f"{base}/staff/{staff['id']}/sign-in-code").status_code == 201
    gone = officer.delete(f"{base}/staff/{staff['id']}").json["stores"][0]["staff"]
    assert [one["state"] for one in gone] == ["suspended"]
    assert officer.delete(f"{base}/stores/{store['id']}").json["stores"][0]["state"] == "closed"

    new = public_part(generate_private_jwk())
    assert len(officer.post(f"{base}/keys", json={"public_key": json.dumps(new)}).json["keys"]) == 2
    token = counter.token()
    revoked = officer.delete(f"{base}/keys/{new['kid']}").json["keys"]
    assert {key["kid"]: key["state"] for key in revoked}[new["kid"]] == "revoked"
    assert counter.get("/schemes", token=token).status_code == 401

    assert officer.post(f"{base}/quota", json={"checks_per_minute": 5}).json["checks_per_minute"] == 5
    assert officer.delete(f"{base}/schemes/pool_ticket").json["schemes"] == []
    assert counter.get("/schemes").json["items"] == []
    offered = officer.post(f"{base}/schemes", json={"scheme": "pool_ticket"}).json["schemes"]
    assert [one["code"] for one in offered] == ["pool_ticket"]

    contract = {"contract_number": "GC-1", "starts_on": "2026-03-03", "ends_on": "2027-03-02"}
    assert officer.post(f"{base}/contracts", json=contract).json["contract_ends_on"] == "2027-03-02"
    assert officer.post(f"{base}/suspension").json["state"] == "suspended"
    assert counter.ask_token().json["error"] == "invalid_client"
    reinstated = officer.delete(f"{base}/suspension").json
    assert reinstated["state"] == "active"
    assert [(one["event"], one["cause"]) for one in reinstated["events"]] == [
        ("reinstate", "decided"),
        ("suspend", "decided"),
    ]
    assert {one["actor"] for one in reinstated["events"]} == {"张敏"}


def test_an_officer_sees_usage_and_resends_a_delivery(city):
    counter = new_counter(city)
    webhook = counter.post("/webhooks", {"url": "https://shop.example/h", "kinds": ["redemption.created"]}).json
    counter.post(f"/webhooks/{webhook['id']}/test")
    counter.check(counter.customer())
    officer = city.as_officer("score_officer")
    base = f"/api/v1/admin/partners/{counter.code}"
    partner = officer.get(base).json
    assert [(line["checks"], line["redemptions"]) for line in partner["usage"]] == [(1, 0)]
    assert partner["webhooks"] == ["https://shop.example/h"]
    [delivery] = officer.get(f"{base}/webhook-deliveries").json["items"]
    assert officer.post(f"{base}/webhook-deliveries/{delivery['id']}/resending").json["state"] == "waiting"


def test_a_sandbox_is_there_in_a_demo_city_alone(city, application):
    body = {"name": "试一试", "public_key": json.dumps(public_part(generate_private_jwk()))}
    made = post(city, "/sandbox-partners", body)
    assert (made.status_code, made.json["schemes"]) == (201, ["pool_ticket"])
    object.__setattr__(city.services.config, "sign_in", "oidc")
    answer = post(city, "/sandbox-partners", body)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
