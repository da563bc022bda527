"""A department's inbox over HTTP: only its own cases, only what it needs, and every look in the ledger."""

from __future__ import annotations

from io import BytesIO
from uuid import UUID

import pytest
from PIL import Image
from sqlalchemy import select

from backend.ledger.models import LedgerEntry
from backend.objections.service import file_objection, forward_objection
from backend.subjects.models import Subject
from tests.factories import add_record
from tests.miniprogram_api.department.conftest import CIVILITY, MARKET_REGULATION, MARKET_REGULATION_CODE

INBOX = "/objections"
REPLY = {"finding": "right", "explanation": "与原始登记一致"}


@pytest.fixture
def case(city, department):
    """An objection to some volunteering, which the civility office delivered; its id."""
    with city.database.transaction() as session:
        person = session.scalars(select(Subject).where(Subject.kind == "person")).one()
        record = add_record(session, person, "volunteering", title="社区清洁", content={"服务项目": "社区清洁"})
        objection = file_objection(
            session,
            subject_id=person.id,
            record_id=record.id,
            grounds="时长少记了两小时",
            now=city.clock(),
            deadlines=city.services.deadlines,
        )
        return str(objection.id)


def ledger(city):
    with city.database.reading() as session:
        return [
            (row.actor_kind, row.action) for row in session.scalars(select(LedgerEntry).order_by(LedgerEntry.id))
        ]


def test_a_case_is_in_the_inbox_of_its_department_and_of_no_other(department, case):
    mine, other = department(CIVILITY), department(MARKET_REGULATION)
    assert [item["id"] for item in mine.get(INBOX).json["items"]] == [case]
    assert other.get(INBOX).json["items"] == []
    for path in (f"{INBOX}/{case}", f"{INBOX}/{case}/evidence/{case}"):
        answer = other.get(path)
        assert (answer.status_code, answer.json["code"]) == (404, "objection_not_found")
    assert other.post(f"{INBOX}/{case}/reply", REPLY).status_code == 404


def test_a_department_sees_the_record_the_grounds_and_nothing_more_and_leaves_a_trace(city, department, case):
    seen = department(CIVILITY).get(f"{INBOX}/{case}")
    assert seen.status_code == 200
    assert (seen.json["title"], seen.json["grounds"]) == ("社区清洁", "时长少记了两小时")
    assert "王小兰" not in seen.text
    assert not {"score", "grade", "benefits", "records"} & set(seen.json)
    assert ledger(city) == [("department", "objection_viewed")]


def test_a_reply_with_a_correction_reaches_the_office(city, department, case):
    system = department(CIVILITY)
    answer = system.post(
        f"{INBOX}/{case}/reply",
        {"finding": "wrong", "explanation": "签到表显示多两小时", "corrections": {"quantity": 450}},
    )
    assert (answer.status_code, answer.json["state"], answer.json["waiting"]) == (200, "replied", False)
    assert answer.json["reply"]["corrections"] == {"quantity": 450}
    again = system.post(f"{INBOX}/{case}/reply", REPLY)
    assert (again.status_code, again.json["code"]) == (409, "objection_state_forbids")
    assert ledger(city) == [("department", "objection_verified")]
    assert [item["id"] for item in system.get(INBOX, state="done").json["items"]] == [case]


def test_a_reply_that_says_nothing_or_contradicts_itself_is_refused(department, case):
    system = department(CIVILITY)
    for body, code in [
        ({"finding": "wrong", "explanation": "不对不对不对"}, "objection_department_correction_missing"),
        ({"finding": "wrong", "explanation": "不对不对不对", "corrections": {}}, "validation_failed"),
        ({"finding": "right", "explanation": "对"}, "validation_failed"),
    ]:
        answer = system.post(f"{INBOX}/{case}/reply", body)
        assert (answer.status_code, answer.json["code"]) == (422, code)


def test_not_ours_moves_the_case_into_the_other_inbox(department, case):
    body = {
        "finding": "not_ours",
        "explanation": "该活动由其他单位组织",
        "right_department": MARKET_REGULATION_CODE,
    }
    answer = department(CIVILITY).post(f"{INBOX}/{case}/reply", body)
    assert answer.status_code == 200
    assert department(CIVILITY).get(INBOX).json["items"] == []
    assert [item["id"] for item in department(MARKET_REGULATION).get(INBOX).json["items"]] == [case]


def test_a_token_for_deliveries_alone_opens_no_inbox(department, case):
    system = department(CIVILITY)
    answer = system.get(INBOX, token=system.token(scope="records:deliver"))
    assert (answer.status_code, answer.json["code"]) == (403, "scope_missing")


def test_a_department_is_told_of_its_cases_and_marks_them_read(city, department, case):
    system = department(CIVILITY)
    with city.database.transaction() as session:
        forward_objection(
            session, objection_id=UUID(case), officer="李", now=city.clock(), deadlines=city.services.deadlines
        )
    page = system.get("/notifications").json
    assert page["unread"] == 2
    assert page["items"][0]["about"] == f"objection:{case}"
    assert system.post("/notifications/reading", {"up_to_id": page["items"][0]["id"]}).json == {"unread": 0}
    assert department(MARKET_REGULATION).get("/notifications").json["items"] == []


def photo() -> BytesIO:
    out = BytesIO()
    Image.new("RGB", (40, 30), "navy").save(out, "JPEG")
    out.seek(0)
    return out


def test_a_department_attaches_evidence_to_its_reply_which_the_office_and_the_citizen_then_read(
    city, department, case
):
    system = department(CIVILITY)

    def attach():
        return city.http.post(
            f"/api/v1/department{INBOX}/{case}/evidence",
            data={"file": (photo(), "签到表.jpg")},
            headers=system.headers(),
        )

    mistaken, kept = attach().json["id"], attach().json["id"]
    taken_back = city.http.delete(
        f"/api/v1/department{INBOX}/{case}/evidence/{mistaken}", headers=system.headers()
    )
    assert taken_back.status_code == 204

    with city.database.reading() as session:
        person = session.scalars(select(Subject.id).where(Subject.kind == "person")).one()
    phone = city.as_citizen(person)
    own = f"/api/v1/me/objections/{case}"

    def exported():
        [objection] = phone.get("/api/v1/me/export").json["objections"]
        return [file["filename"] for file in objection["department_evidence"]]

    assert phone.get(own).json["department_evidence"] == exported() == []
    assert phone.get(f"{own}/evidence/{kept}").status_code == 404
    assert phone.get(f"/api/v1/me/evidence/{kept}").status_code == 404
    assert system.post(f"{INBOX}/{case}/reply", REPLY).status_code == 200

    assert attach().json["code"] == "objection_state_forbids"
    assert [file["id"] for file in system.get(f"{INBOX}/{case}").json["department_evidence"]] == [kept]
    assert system.get(f"{INBOX}/{case}/evidence/{kept}").content_type == "image/jpeg"
    officer = city.as_officer("objection_officer")
    reason = {"X-Access-Reason": "review"}
    seen = officer.get(f"/api/v1/admin/objections/{case}", headers=reason).json
    assert (seen["evidence"], [file["filename"] for file in seen["department_evidence"]]) == ([], ["签到表.jpg"])
    assert officer.get(f"/api/v1/admin/objections/{case}/evidence/{kept}", headers=reason).status_code == 200
    assert [file["id"] for file in phone.get(own).json["department_evidence"]] == [kept]
    assert exported() == ["签到表.jpg"]
    assert phone.get(f"{own}/evidence/{kept}").status_code == 200
    assert ledger(city) == [
        ("department", "objection_verified"),
        ("department", "objection_viewed"),
        ("department", "objection_evidence_viewed"),
        ("officer", "objection_viewed"),
        ("officer", "objection_evidence_viewed"),
    ]


def test_another_department_neither_attaches_to_a_case_nor_takes_from_it(city, department, case):
    mine, other = department(CIVILITY), department(MARKET_REGULATION)
    path = f"/api/v1/department{INBOX}/{case}/evidence"
    kept = city.http.post(path, data={"file": (photo(), "签到表.jpg")}, headers=mine.headers()).json["id"]
    refused = city.http.post(path, data={"file": (photo(), "别的.jpg")}, headers=other.headers())
    assert (refused.status_code, refused.json["code"]) == (404, "objection_not_found")
    assert city.http.delete(f"{path}/{kept}", headers=other.headers()).status_code == 404
