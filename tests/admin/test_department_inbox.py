"""Officers of source departments: one inbox, and nothing else of the console."""

from __future__ import annotations

from io import BytesIO
from urllib.parse import quote

import pytest
from PIL import Image

from backend.accounts.errors import DepartmentOfficerInvalid
from backend.accounts.service import add_officer, sign_in_officer
from backend.catalogue.document import parse_catalogue, shipped_catalogue
from tests.admin.test_objections import OBJECTIONS, REPLY, decide

INBOX = "/api/v1/admin/department-inbox"
BECAUSE = {"X-Access-Reason": quote("核查本件异议")}
CATEGORIES = parse_catalogue(shipped_catalogue()).categories
UTILITY = CATEGORIES["utility_arrears"].source_department_code
MARKET = CATEGORIES["admin_penalty"].source_department_code


@pytest.fixture
def of_department(office):
    def sign_in(code):
        with office.city.database.transaction() as session:
            account = {"username": f"d{code}", "name": "陈经办", "password": "correct horse"}
            now = office.city.clock()
            add_officer(session, **account, roles=["department_officer"], department_code=code, now=now)
            token = sign_in_officer(session, username=account["username"], password=account["password"], now=now)[
                0
            ].token
        return office.city._signed_in(token)

    return sign_in


def test_a_department_officer_sees_the_inbox_of_their_department_only(office, of_department):
    objection_id = office.file_objection(office.lan)
    mine, other = of_department(UTILITY), of_department(MARKET)
    assert [item["id"] for item in mine.get(INBOX).get_json()["items"]] == [objection_id]
    assert other.get(INBOX).get_json()["items"] == []
    assert other.get(f"{INBOX}/{objection_id}", headers=BECAUSE).status_code == 404

    assert mine.get(f"{INBOX}/{objection_id}").status_code == 400
    case = mine.get(f"{INBOX}/{objection_id}", headers=BECAUSE)
    assert case.status_code == 200
    assert "王小兰" not in case.text
    [row] = office.city.as_citizen(office.lan).get("/api/v1/me/ledger").get_json()["items"]
    assert (row["who_kind"], row["purpose"]) == ("department", "核查本件异议")


@pytest.mark.parametrize(
    "path", ["overview", "runs", "deliveries", "quarantine", "objections", "objections/departments"]
)
def test_the_rest_of_the_console_is_closed_to_them(of_department, path):
    answer = of_department(UTILITY).get(f"/api/v1/admin/{path}")
    assert (answer.status_code, answer.get_json()["code"]) == (403, "role_missing")


def test_the_inbox_is_closed_to_the_credit_office(office):
    office.file_objection(office.lan)
    assert office.city.as_officer("objection_officer").get(INBOX).status_code == 403


def test_they_read_their_departments_notifications_and_sign_out(office, of_department):
    office.file_objection(office.lan)
    officer = of_department(UTILITY)
    page = officer.get("/api/v1/admin/notifications").get_json()
    assert [item["title"] for item in page["items"]] == ["有一件异议需要核查"]
    assert of_department(MARKET).get("/api/v1/admin/notifications").get_json()["items"] == []
    assert officer.get("/api/v1/admin/me").status_code == 200
    assert officer.delete("/api/v1/admin/sign-in").status_code == 204


@pytest.mark.parametrize(
    ("roles", "code"),
    [(["department_officer"], None), (["department_officer", "auditor"], UTILITY), (["auditor"], UTILITY)],
)
def test_an_officer_is_of_the_office_or_of_one_department(office, roles, code):
    with office.city.database.transaction() as session, pytest.raises(DepartmentOfficerInvalid):
        add_officer(
            session,
            username="x",
            name="某人",
            password="correct horse",
            roles=roles,
            department_code=code,
            now=office.city.clock(),
        )


def test_a_departments_correction_is_taken_over_by_the_office(office, of_department):
    objection_id = office.file_objection(office.lan)
    replied = of_department(UTILITY).post(
        f"{INBOX}/{objection_id}/reply",
        json={"finding": "wrong", "explanation": "金额有误，应为十二元", "corrections": {"amount": 1200}},
    )
    assert replied.status_code == 200
    officer = office.city.as_officer("objection_officer")
    case = officer.get(f"{OBJECTIONS}/{objection_id}", headers=BECAUSE).get_json()
    assert case["department_reply"]["corrections"] == {"amount": 1200}
    decided = decide(officer, objection_id, outcome="partly_upheld", reply=REPLY)
    assert (decided.status_code, decided.get_json()["code"]) == (422, "objection_correction_missing")
    path = f"{OBJECTIONS}/{objection_id}/decision"
    decided = officer.post(
        path, json={"outcome": "partly_upheld", "reply": REPLY, "corrections": {"amount": 1200}}
    ).get_json()
    assert (decided["state"], decided["record"]["state"], decided["record"]["amount"]) == (
        "partly_upheld",
        "active",
        1200,
    )


def test_a_case_is_handed_to_another_body_by_name(office):
    officer = office.city.as_officer("objection_officer")
    path = f"{OBJECTIONS}/{office.file_objection(office.lan)}/decision"
    nameless = officer.post(path, json={"outcome": "redirected", "reply": REPLY})
    assert (nameless.status_code, nameless.get_json()["code"]) == (422, "objection_reason_missing")
    case = officer.post(
        path, json={"outcome": "redirected", "reply": REPLY, "redirected_to": "省级信用平台"}
    ).get_json()
    assert (case["state"], case["redirected_to"], case["record"]["state"]) == (
        "redirected",
        "省级信用平台",
        "active",
    )


def test_the_office_assigns_a_case_to_another_department(office, of_department):
    officer = office.city.as_officer("objection_officer")
    objection_id = office.file_objection(office.lan)
    choices = {item["code"] for item in officer.get(f"{OBJECTIONS}/departments").get_json()["items"]}
    assert {UTILITY, MARKET} <= choices
    case = officer.post(f"{OBJECTIONS}/{objection_id}/redirection", json={"department": MARKET}).get_json()
    assert (case["state"], case["department_name"]) == ("forwarded", CATEGORIES["admin_penalty"].source_department)
    assert of_department(UTILITY).get(INBOX).get_json()["items"] == []


def test_shandong_knows_no_extension(office):
    officer = office.city.as_officer("objection_officer")
    objection_id = office.file_objection(office.lan)
    answer = officer.post(f"{OBJECTIONS}/{objection_id}/extension", json={"reason": "案情复杂需要时间"})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "objection_extension_not_allowed")


def test_evidence_is_shown_with_a_reason_and_leaves_its_trace(office, of_department):
    citizen = office.city.as_citizen(office.lan)
    out = BytesIO()
    Image.new("RGB", (20, 20), "teal").save(out, "PNG")
    out.seek(0)
    photo = citizen.post("/api/v1/me/evidence", data={"file": (out, "凭证.png")}).get_json()["id"]
    objection_id = office.file_objection(office.lan, evidence_ids=[photo])
    for client, root in [
        (office.city.as_officer("auditor"), OBJECTIONS),
        (of_department(UTILITY), INBOX),
    ]:
        path = f"{root}/{objection_id}/evidence/{photo}"
        assert client.get(path).status_code == 400
        shown = client.get(path, headers=BECAUSE)
        assert (shown.status_code, shown.content_type) == (200, "image/jpeg")
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
    actions = [row["action"] for row in citizen.get("/api/v1/me/ledger").get_json()["items"]]
    assert actions == ["objection_evidence_viewed", "objection_evidence_viewed"]
